import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Api, type Person, startApi } from '../http/support.ts';
import { joinWork, registerNode } from '../http/work.ts';
import { fewestStatements } from '../support/statements.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
  await registerNode(api);
});
afterAll(() => api[Symbol.asyncDispose]());

const create = `mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) {
  __typename ... on CreateWebhookPayload { secret webhook { id url events enabled disabledReason } }
  ... on InvalidInputError { issues { path message } } ... on QuotaExceededError { limit } } }`;
const submit = `mutation ($input: SubmitTaskInput!) { submitTask(input: $input) {
  __typename ... on Task { id webhook { id url } } ... on InvalidInputError { issues { path message } }
  ... on Error { code } } }`;
const picture = { textToImage: { prompt: 'a mill' } };
const url = 'https://8.8.8.8/hook?key=1';

async function send(query: string, as: Person, variables: object = {}) {
  const { data, errors } = await api.send(query, { as, variables });
  expect(errors).toEqual([]);
  return data;
}

it('a webhook is made, listed with its log, and deleted; its secret is shown once', async () => {
  const owner = await api.person();
  const input = { url, events: ['FAILED', 'SUCCEEDED', 'FAILED'] };
  const { createWebhook } = await send(create, owner, { input });
  const events = ['FAILED', 'SUCCEEDED'];
  const shown = { id: expect.stringMatching(/^webhook_/), url, events, enabled: true, disabledReason: null };
  expect(createWebhook).toEqual({
    __typename: 'CreateWebhookPayload',
    secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    webhook: shown,
  });
  await send(create, owner, { input: { url } });
  await send(submit, owner, { input: { task: picture } });
  const log = '{ id eventId type attempts responseStatus deliveredAt nextAttemptAt error }';
  const list = `{ webhooks { id events deliveries ${log} } }`;
  const { webhooks } = await send(list, owner);
  expect(webhooks).toMatchObject([{ deliveries: [{ type: 'task.submitted' }] }, { events, deliveries: [] }]);
  expect(webhooks?.[0]?.events).toEqual(expect.arrayContaining(['SUBMITTED', 'STARTED', 'RETRIED']));
  expect(webhooks?.[0]?.deliveries?.[0]).toEqual({
    id: expect.stringMatching(/^delivery_/),
    eventId: expect.stringMatching(/^task_[0-9a-z]{26}_1$/),
    ...{ type: 'task.submitted', attempts: 0, responseStatus: null, deliveredAt: null, error: null },
    nextAttemptAt: expect.any(String),
  });
  const remove = `mutation ($id: ID!) { deleteWebhook(id: $id) {
    ... on DeletePayload { id } ... on Error { code } } }`;
  const id = webhooks?.[0]?.id;
  expect(await send(remove, owner, { id })).toEqual({ deleteWebhook: { id } });
  expect(await send(remove, owner, { id })).toEqual({ deleteWebhook: { code: 'NOT_FOUND' } });
  expect((await send(list, owner)).webhooks).toHaveLength(1);
});

const notPublic = (host: string): string =>
  `the host ${host} is not on the public internet, and not allowed on this server`;

it.each([
  ['http://169.254.169.254/latest', notPublic('169.254.169.254')],
  ['http://localhost:1/', notPublic('localhost')],
  ['https://ann:secret@8.8.8.8/', 'the URL must not bear a user name or a password'],
  ['ftp://8.8.8.8/', 'the URL must begin with http:// or https://'],
  [`https://8.8.8.8/${'x'.repeat(2_048)}`, 'must have at most 2,048 characters'],
])('%s is refused, for a webhook and for a task', async (wrong, message) => {
  const owner = await api.person();
  expect(await send(create, owner, { input: { url: wrong, events: [] } })).toEqual({
    createWebhook: {
      __typename: 'InvalidInputError',
      issues: [
        { path: 'url', message },
        { path: 'events', message: 'must name at least one type; leave it out for all' },
      ],
    },
  });
  const { submitTask } = await send(submit, owner, { input: { task: picture, webhookUrl: wrong } });
  expect(submitTask).toMatchObject({ issues: [{ path: 'webhookUrl', message }] });
});

it('who has a webhook that was disabled sees it on himself, a URL that a task named included; nobody else does', async () => {
  const [owner, admin] = [await api.person(), await api.person('ADMIN')];
  await send(create, owner, { input: { url } });
  await send(create, owner, { input: { url: `${url}&ok=1` } });
  await send(submit, owner, { input: { task: picture, webhookUrl: `${url}&task=1` } });
  const seen = '{ id disabledWebhooks { url disabledAt disabledReason } }';
  const mine = async () => (await send(`{ me ${seen} }`, owner)).me;
  expect(await mine()).toMatchObject({ disabledWebhooks: [] });
  await api.services.database.pool.query(
    `UPDATE webhook SET enabled = false, disabled_reason = 'gone', disabled_at = now() - (url = $2)::int * interval '1 s'
     WHERE user_id = $1 AND url NOT LIKE '%ok=1'`,
    [owner.user.id, url],
  );
  const disabled = { disabledAt: expect.any(String), disabledReason: 'gone' };
  expect(await mine()).toMatchObject({
    disabledWebhooks: [
      { url: `${url}&task=1`, ...disabled },
      { url, ...disabled },
    ],
  });
  const { node } = await send(`query ($id: ID!) { node(id: $id) { ... on User ${seen} } }`, admin, {
    id: (await mine())?.id,
  });
  expect(node).toMatchObject({ disabledWebhooks: [] });
});

it('a user has twenty webhooks at most, those that tasks name aside', async () => {
  const owner = await api.person();
  await send(submit, owner, { input: { task: picture, webhookUrl: 'https://8.8.8.8/task' } });
  const made = await Promise.all(Array.from({ length: 22 }, () => send(create, owner, { input: { url } })));
  const refused = made.filter(
    ({ createWebhook }) => String(createWebhook?.__typename) === 'QuotaExceededError',
  );
  expect(refused).toEqual(Array(2).fill({ createWebhook: { __typename: 'QuotaExceededError', limit: 20 } }));
});

it('a task shows its webhook to its owner; the URL is part of what an idempotency key stands for', async () => {
  const [owner, operator] = [await api.person(), await api.person('OPERATOR')];
  const input = { task: picture, idempotencyKey: 'k', webhookUrl: 'https://8.8.8.8/task' };
  const { submitTask } = await send(submit, owner, { input });
  expect(submitTask).toMatchObject({ webhook: { url: 'https://8.8.8.8/task' } });
  expect((await send(submit, owner, { input })).submitTask).toEqual(submitTask);
  const other = { ...input, webhookUrl: 'https://8.8.8.8/other' };
  const conflict = (await send(submit, owner, { input: other })).submitTask;
  expect(conflict).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  const read = 'query ($id: ID!) { task(id: $id) { webhook { url } } }';
  const variables = { id: submitTask?.id };
  expect(await send(read, operator, variables)).toEqual({ task: { webhook: null } });
  expect(await send('{ webhooks { id } }', owner)).toEqual({ webhooks: [] });
});

it('a delivery that is pending is hastened, one that has ended is repeated, and neither is doubled', async () => {
  const owner = await api.person();
  await send(create, owner, { input: { url } });
  await send(submit, owner, { input: { task: picture } });
  const redeliver = `mutation ($id: ID!) { redeliverWebhook(deliveryId: $id) {
    ... on WebhookDelivery { id eventId attempts deliveredAt nextAttemptAt } } }`;
  const list = '{ webhooks { deliveries(first: 5) { id eventId } } }';
  const first = (await send(list, owner)).webhooks?.[0]?.deliveries?.[0];
  const { pool } = api.services.database;
  const shift = (set: string) =>
    pool.query(
      `UPDATE webhook_delivery d SET ${set} FROM webhook w WHERE w.id = d.webhook_id AND w.user_id = $1`,
      [owner.user.id],
    );
  await shift(`attempts = 3, next_attempt_at = now() + interval '5 hours'`);
  const hastened = (await send(redeliver, owner, { id: first?.id })).redeliverWebhook;
  expect(hastened).toMatchObject({ ...first, attempts: 3 });
  expect(Date.parse(String(hastened?.nextAttemptAt))).toBeLessThanOrEqual(Date.now() + 1_000);
  await shift('next_attempt_at = NULL, delivered_at = now()');
  const repeated = (await send(redeliver, owner, { id: first?.id })).redeliverWebhook;
  expect(repeated).toMatchObject({ eventId: first?.eventId, attempts: 0, deliveredAt: null });
  expect(repeated?.id).not.toBe(first?.id);
  expect((await send(redeliver, owner, { id: first?.id })).redeliverWebhook?.id).toBe(repeated?.id);
  expect((await send(list, owner)).webhooks?.[0]?.deliveries).toHaveLength(2);
});

it('a page of tasks with their webhooks, and webhooks with their logs, take as many statements as one', async () => {
  const work = await joinWork(api);
  async function measure(count: number): Promise<number> {
    const owner = await api.person('USER', 'VIP');
    const one = async (n: number): Promise<void> => {
      await send(create, owner, { input: { url } });
      await send(submit, owner, { input: { task: picture, webhookUrl: `https://8.8.8.8/${n}` } });
    };
    await Promise.all(Array.from({ length: count }, (_, n) => one(n)));
    await work.succeedAll();
    const page = `{ webhooks { id deliveries { id eventId } }
      tasks { edges { node { webhook { url deliveries(first: 3) { id } } } } } }`;
    return fewestStatements(async () => {
      const data = await send(page, owner);
      expect(data.webhooks).toHaveLength(count);
    });
  }
  const [one, many] = [await measure(1), await measure(15)];
  expect(many).toBe(one);
  expect(many).toBeLessThan(12);
});
