import { decodeId, encodeId } from '../../../src/ids.ts';
import { byId, type Case, nodeQuery, type Stage, signedIn, union } from './matrix.ts';
import { ownTask } from './tasks.ts';

const create = (url: string): string => `mutation { createWebhook(input: { url: "${url}" }) ${union} }`;

/** The only one that the owner has, so that no quota holds it back. */
async function ownWebhook({ api, people }: Stage): Promise<{ id: string }> {
  const userId = people.owner.user.id;
  const { webhooks } = api.services;
  for (const { id } of await webhooks.list(userId)) await webhooks.remove(userId, id);
  const { webhook } = await webhooks.create(userId, { url: 'https://8.8.8.8/' });
  return { id: encodeId('Webhook', webhook.id) };
}

async function ownDelivery(stage: Stage): Promise<{ id: string }> {
  const webhookId = decodeId('Webhook', (await ownWebhook(stage)).id) ?? '';
  await ownTask(stage);
  const { prisma } = stage.api.services.database;
  const { id } = await prisma.webhookDelivery.findFirstOrThrow({ where: { webhookId } });
  return { id: encodeId('WebhookDelivery', id) };
}

/** Not even operators: a URL may bear what only its owner is to know. */
const ownersOnly: Case['expected'] = [
  'UNAUTHENTICATED',
  'NotFoundError',
  'ok',
  'NotFoundError',
  'NotFoundError',
];

/** Webhooks and their deliveries. */
export const webhookCases: readonly Case[] = [
  {
    field: 'Query.node',
    what: 'own webhook',
    operation: nodeQuery,
    variables: ownWebhook,
    expected: ['UNAUTHENTICATED', 'null', 'ok', 'null', 'null'],
  },
  { field: 'Query.webhooks', operation: '{ webhooks { id } }', expected: signedIn },
  { field: 'Mutation.createWebhook', operation: create('https://8.8.8.8/'), expected: signedIn },
  {
    field: 'Mutation.deleteWebhook',
    what: 'own webhook',
    operation: `mutation ${byId} { deleteWebhook(id: $id) ${union} }`,
    variables: ownWebhook,
    expected: ownersOnly,
  },
  {
    field: 'Mutation.rotateWebhookSecret',
    operation: `mutation { rotateWebhookSecret ${union} }`,
    expected: signedIn,
  },
  {
    field: 'Mutation.rotateWebhookSecret',
    what: 'own webhook',
    operation: `mutation ${byId} { rotateWebhookSecret(id: $id) ${union} }`,
    variables: ownWebhook,
    expected: ownersOnly,
  },
  {
    field: 'Mutation.redeliverWebhook',
    what: 'own delivery',
    operation: `mutation ${byId} { redeliverWebhook(deliveryId: $id) ${union} }`,
    variables: ownDelivery,
    expected: ownersOnly,
  },
];
