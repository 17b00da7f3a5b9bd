import { z } from 'zod';
import { InvalidInputError } from '../errors.ts';
import { kindNames } from '../kinds/index.ts';
import { valid } from '../validation.ts';
import { parseProtocolName, protocolNames, protocolOf } from './protocols/index.ts';
import type { Heartbeat, NodeChanges, NodeInput, Offer } from './types.ts';

const MAX_SLOTS = 1_000;

const url = z
  .url({
    protocol: /^https?$/,
    error: 'must be an absolute http: or https: URL, such as http://10.0.0.5:8080',
  })
  .transform((text) => new URL(text))
  .refine(
    ({ username, password }) => username === '' && password === '',
    'may bear no user name or password; use token',
  )
  .refine(({ search, hash }) => search === '' && hash === '', 'may bear no query and no fragment')
  .transform(({ href }) => href.replace(/\/+$/, ''));

const name = (max: number) =>
  z.string().trim().min(1, 'must not be empty').max(max, `must have at most ${max} characters`);

/** As much as an Authorization header can bear; `user:password` goes there encoded. */
const token = name(4_096).refine(
  (text) => text.includes(':') || /^[\x21-\x7e]+$/.test(text),
  'must be printable ASCII, without spaces, or user:password',
);

const offers = z
  .array(
    z.object({
      kind: z.enum(kindNames, { error: `must be one of ${kindNames.join(', ')}` }),
      models: z
        .array(name(200))
        .min(1, 'must name at least one model')
        .transform((models) => [...new Set(models)]),
    }),
  )
  .min(1, 'must have at least one offer')
  .superRefine((list, context) => {
    for (const [n, { kind }] of list.entries()) {
      if (list.findIndex((offer) => offer.kind === kind) === n) continue;
      context.addIssue({
        code: 'custom',
        path: [n, 'kind'],
        message: `${kind} is there twice; put all of its models into one offer`,
      });
    }
  });

const slots = z
  .number()
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(MAX_SLOTS, `must be at most ${MAX_SLOTS}`);

const changes = z.object({
  url: url.optional(),
  slots: slots.nullish(),
  offers: offers.optional(),
  token: token.nullish(),
});

const node = z.object({
  name: name(100),
  url,
  protocol: z
    .string()
    .transform(parseProtocolName)
    .refine((protocol) => protocol !== null, `must be one of ${protocolNames.join(', ')}`),
  slots: slots.nullish().transform((count) => count ?? 1),
  offers,
  token: token.nullish().transform((text) => text ?? null),
});

const heartbeat = node.omit({ token: true }).extend({
  loadedModels: z
    .array(name(200))
    .max(1_000)
    .nullish()
    .transform((models) => models ?? undefined),
  leaving: z
    .boolean()
    .nullish()
    .transform((leaving) => leaving ?? false),
});

export type ValidNode = z.infer<typeof node>;
export type ValidHeartbeat = z.infer<typeof heartbeat>;
export type ValidChanges = z.infer<typeof changes>;

/** Dots and indices, below where the input stands. */
function pathOf(at: string, ...path: readonly PropertyKey[]): string {
  return [...(at === '' ? [] : [at]), ...path.map(String)].join('.');
}

/** @throws InvalidInputError for an offer of a kind that the protocol doesn't do */
function checkKinds(protocol: string, list: readonly Offer[], at: string): void {
  const { run } = protocolOf(protocol);
  const done = kindNames.filter((kind) => run[kind] !== undefined);
  const issues = list.flatMap(({ kind }, n) =>
    done.includes(kind)
      ? []
      : [{ path: pathOf(at, 'offers', n, 'kind'), message: `${protocol} does ${done.join(', ')} only` }],
  );
  if (issues.length > 0) throw new InvalidInputError(issues);
}

/**
 * @param at where the input stands in what the caller gave, for the paths of what is wrong; empty: it is the whole
 * @throws InvalidInputError
 */
export function validNode(input: NodeInput, at: string): ValidNode {
  const checked = valid(node, input, at);
  checkKinds(checked.protocol, checked.offers, at);
  return checked;
}

/** @throws InvalidInputError */
export function validHeartbeat(input: Heartbeat, at: string): ValidHeartbeat {
  const checked = valid(heartbeat, input, at);
  checkKinds(checked.protocol, checked.offers, at);
  return checked;
}

/** @throws InvalidInputError */
export function validChanges(input: NodeChanges, protocol: string, at: string): ValidChanges {
  const checked = valid(changes, input, at);
  if (checked.offers) checkKinds(protocol, checked.offers, at);
  return checked;
}
