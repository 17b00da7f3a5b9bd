import type { Webhook } from '../database/index.ts';
import { InvalidInputError, NotFoundError, QuotaExceededError } from '../errors.ts';
import { decodeId } from '../ids.ts';
import { builder } from './builder.ts';
import { DeleteResult } from './delete.ts';
import { TaskEventTypeEnum } from './event.ts';
import { WebhookDeliveryType, WebhookType } from './webhook.ts';

const NOT_FOUND = 'no webhook of yours has this id';

const CreateWebhookInput = builder.inputType('CreateWebhookInput', {
  description: 'What is to be told where',
  fields: (t) => ({
    url: t.field({
      type: 'URL',
      required: true,
      description:
        'Where to; http or https, up to 2,048 characters, on no private network unless the server allows it',
    }),
    events: t.field({
      type: [TaskEventTypeEnum],
      description: 'Which types of events; left out: all, and webhook.disabled of the other webhooks',
    }),
  }),
});

const CreateWebhookPayload = builder
  .objectRef<{ webhook: Webhook; secret: string }>('CreateWebhookPayload')
  .implement({
    description: 'A new webhook',
    fields: (t) => ({
      webhook: t.field({
        type: WebhookType,
        description: 'The webhook without its secret',
        resolve: ({ webhook }) => webhook,
      }),
      secret: t.exposeString('secret', {
        description: 'What its requests are signed with: whsec_…, shown this once',
      }),
    }),
  });

const CreateWebhookResult = builder.errorUnion('CreateWebhookResult', {
  description: 'The webhook and its secret, or what is wrong with the input',
  types: [CreateWebhookPayload, InvalidInputError, QuotaExceededError],
  resolveType: () => 'CreateWebhookPayload',
});

const RotateWebhookSecretPayload = builder
  .objectRef<{ secret: string }>('RotateWebhookSecretPayload')
  .implement({
    description: 'A new secret',
    fields: (t) => ({ secret: t.exposeString('secret', { description: 'whsec_…, shown this once' }) }),
  });

const RotateWebhookSecretResult = builder.errorUnion('RotateWebhookSecretResult', {
  description: 'The new secret, or that there is no such webhook',
  types: [RotateWebhookSecretPayload, NotFoundError],
  resolveType: () => 'RotateWebhookSecretPayload',
});

const RedeliverWebhookResult = builder.errorUnion('RedeliverWebhookResult', {
  description: 'The delivery that is under way, or that there is no such one',
  types: [WebhookDeliveryType, NotFoundError],
  resolveType: () => 'WebhookDelivery',
});

/** @throws NotFoundError */
function webhookIdOf(id: string): string {
  const webhookId = decodeId('Webhook', id);
  if (webhookId === null) throw new NotFoundError(NOT_FOUND);
  return webhookId;
}

builder.mutationFields((t) => ({
  createWebhook: t.withAuth({ signedIn: true }).field({
    type: CreateWebhookResult,
    description: 'Has the events of all own tasks, from now on, posted to a URL; at most 20 webhooks',
    args: { input: t.arg({ type: CreateWebhookInput, required: true, description: 'The new webhook' }) },
    resolve: (_root, { input }, { services, viewer }) => services.webhooks.create(viewer.userId, input),
  }),
  deleteWebhook: t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    description: 'Ends one of the own webhooks at once: what is still to be sent is not, and its log is gone',
    args: { id: t.arg.id({ required: true, description: 'Of the webhook: webhook_…' }) },
    resolve: async (_root, { id }, { services, viewer }) => {
      await services.webhooks.remove(viewer.userId, webhookIdOf(id));
      return { id };
    },
  }),
  rotateWebhookSecret: t.withAuth({ signedIn: true }).field({
    type: RotateWebhookSecretResult,
    description:
      'Makes a new secret, which is shown this once; for a day the one before signs beside it, so that receivers can be changed over',
    args: {
      id: t.arg.id({
        description: 'Of the webhook; left out: what signs the requests to the webhookUrl of own tasks',
      }),
    },
    resolve: async (_root, { id }, { services, viewer }) => {
      const webhookId = id == null ? null : webhookIdOf(id);
      return { secret: await services.webhooks.rotateSecret(viewer.userId, webhookId) };
    },
  }),
  redeliverWebhook: t.withAuth({ signedIn: true }).field({
    type: RedeliverWebhookResult,
    description:
      'Sends an event once more, at once, with the same webhook-id: as a new delivery, unless that one is still to be sent',
    args: { deliveryId: t.arg.id({ required: true, description: 'Of any delivery: delivery_…' }) },
    resolve: (_root, { deliveryId }, { services, viewer }) => {
      const id = decodeId('WebhookDelivery', deliveryId);
      if (id === null) throw new NotFoundError('no delivery of a webhook of yours has this id');
      return services.webhooks.redeliver(viewer.userId, id);
    },
  }),
}));
