import { TaskEventType, type Webhook, type WebhookDelivery } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import { encodeId } from '../ids.ts';
import { eventIdOf } from '../webhooks/index.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { TaskEventTypeEnum } from './event.ts';
import { createLoader } from './loader.ts';
import { TaskType } from './task.ts';
import { UserType } from './user.ts';

const DEFAULT_DELIVERIES = 20;
const MAX_DELIVERIES = 100;
const MAX_DISABLED = 20;

export const WebhookDeliveryType = builder.objectRef<WebhookDelivery>('WebhookDelivery').implement({
  description: 'One event for one webhook, and what became of it',
  fields: (t) => ({
    id: t.id({
      description: 'For redeliverWebhook: delivery_…',
      resolve: ({ id }) => encodeId('WebhookDelivery', id),
    }),
    eventId: t.string({
      description:
        'The header webhook-id: the same for each attempt, each webhook and each redelivery of the event',
      resolve: eventIdOf,
    }),
    type: t.exposeString('type', { description: 'As the body says: task.succeeded' }),
    attempts: t.exposeInt('attempts', { description: 'Begun so far' }),
    responseStatus: t.exposeInt('responseStatus', {
      nullable: true,
      description: 'What the last attempt was answered with; null where it was not',
    }),
    deliveredAt: t.expose('deliveredAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was answered with a status of 200 to 299; null: not yet, or never',
    }),
    nextAttemptAt: t.expose('nextAttemptAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Not before then; null: it was delivered, or given up',
    }),
    error: t.exposeString('error', {
      nullable: true,
      description: 'Why the last attempt failed, or why there is none',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was written' }),
  }),
});

interface Asked {
  readonly id: string;
  readonly first: number;
}

const keyOf = ({ id, first }: Asked): string => `${first} ${id}`;

const loadDeliveries = createLoader(async (asked: readonly Asked[], { webhooks }) => {
  const pages = Map.groupBy(asked, ({ first }) => first);
  const loaded = await Promise.all(
    [...pages].map(async ([first, group]) => {
      const found = await webhooks.deliveries(
        group.map(({ id }) => id),
        first,
      );
      return group.map((one) => [keyOf(one), found.get(one.id) ?? []] as const);
    }),
  );
  return new Map(loaded.flat());
}, keyOf);

export const WebhookType = builder.loadableNode('Webhook', {
  description: 'Where events of tasks are told (docs/webhooks.md)',
  id: { resolve: ({ id }) => id },
  load: (ids: string[], { services }: Context): Promise<Webhook[]> =>
    services.database.prisma.webhook.findMany({ where: { id: { in: ids } } }),
  toKey: ({ id }) => id,
  sort: true,
  loaderOptions: { cache: false },
  fields: (t) => ({
    url: t.expose('url', { type: 'URL', description: 'Where requests are sent to' }),
    events: t.field({
      type: [TaskEventTypeEnum],
      description: 'Of which types of events',
      resolve: ({ events }) => (events.length > 0 ? events : Object.values(TaskEventType)),
    }),
    enabled: t.exposeBoolean('enabled', {
      description:
        'False: nothing is sent any more, for what disabledReason says; a redelivery that gets through enables it',
    }),
    disabledAt: t.expose('disabledAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was disabled; null where it is enabled',
    }),
    disabledReason: t.exposeString('disabledReason', {
      nullable: true,
      description: 'Why it was disabled: it answered with 410, or nothing could be delivered for three days',
    }),
    deliveries: t.field({
      type: [WebhookDeliveryType],
      description: 'The latest first',
      args: { first: t.arg.int({ description: 'At most so many; 1 to 100; default: 20' }) },
      complexity: ({ first }) => ({
        field: 1,
        multiplier: Math.min(first ?? DEFAULT_DELIVERIES, MAX_DELIVERIES),
      }),
      resolve: async ({ id }, args, context) => {
        const first = args.first ?? DEFAULT_DELIVERIES;
        if (first < 1 || first > MAX_DELIVERIES) {
          throw new InvalidInputError([{ path: 'first', message: `must be 1 to ${MAX_DELIVERIES}` }]);
        }
        return [...((await loadDeliveries(context, { id, first })) ?? [])];
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made' }),
  }),
});

const loadOfTask = createLoader((ids, { webhooks }) => webhooks.ofTasks(ids));

builder.objectField(TaskType, 'webhook', (t) =>
  t.field({
    type: WebhookType,
    nullable: true,
    description: "Of the task's own webhookUrl, for its owner; null where it has none",
    resolve: ({ id, userId }, _args, context) =>
      context.viewer?.userId === userId ? loadOfTask(context, id) : null,
  }),
);

builder.objectField(UserType, 'disabledWebhooks', (t) =>
  t.field({
    type: [WebhookType],
    description:
      'Webhooks that are sent nothing any more, those that tasks name included: the latest 20, for the user alone. Empty: all is well.',
    complexity: { field: 1, multiplier: MAX_DISABLED },
    resolve: ({ id }, _args, { services, viewer }) =>
      viewer?.userId === id ? services.webhooks.disabled(id, MAX_DISABLED) : [],
  }),
);

builder.queryField('webhooks', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: [WebhookType],
    description: "The caller's own, but for those that tasks name themselves. Newest first.",
    resolve: (_root, _args, { services, viewer }) => services.webhooks.list(viewer.userId),
  }),
);
