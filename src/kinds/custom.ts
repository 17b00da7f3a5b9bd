import { z } from 'zod';
import type { Kind } from './kind.ts';
import { madeFile } from './media.ts';

const MAX_PAYLOAD_BYTES = 256 * 1024;
const MAX_DEPTH = 32;

/** How many arrays and objects stand in each other at most; looks no deeper than `limit`. */
function depthOf(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (limit === 0) return 1;
  return (
    1 + Object.values(value).reduce<number>((most, inner) => Math.max(most, depthOf(inner, limit - 1)), 0)
  );
}

const payload = z.unknown().superRefine((value, context) => {
  const wrong = (message: string): void => context.addIssue({ code: 'custom', message });
  if (value == null) return wrong('must be given; an object without fields says nothing');
  if (depthOf(value, MAX_DEPTH) > MAX_DEPTH) return wrong(`must be nested at most ${MAX_DEPTH} deep`);
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes > MAX_PAYLOAD_BYTES) wrong(`must have at most ${MAX_PAYLOAD_BYTES} bytes as JSON, not ${bytes}`);
});

const customInput = z.strictObject({
  /** What nodes offer it by: the model. */
  type: z.string().min(1).max(200),
  payload,
});

const customOutput = z.strictObject({
  /** What is not a file of the answer; `{"file": 0}` in it stands for the first of the files. */
  value: z.unknown(),
  files: z.array(madeFile),
});

export type CustomInput = z.infer<typeof customInput>;
export type CustomOutput = z.infer<typeof customOutput>;

/** Any other model. Nothing is known of its work, so that a unit is a task. */
export const custom: Kind<'CUSTOM', CustomInput, CustomOutput> = {
  name: 'CUSTOM',
  slug: 'custom',
  field: 'custom',
  input: customInput,
  output: customOutput,
  timeoutMs: 300_000,
  cost: () => 1,
  media: () => [],
  files: ({ files }) => files,
  text: ({ value }) => (typeof value === 'string' ? value : null),
  secondsPerUnit: 10,
};
