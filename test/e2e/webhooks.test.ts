import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { expect, test, vi } from 'vitest';
import { createReceiver, type Told } from '../../examples/webhooks/receiver.ts';
import { adminKey } from '../support/app.ts';
import { post } from '../support/graphql.ts';
import { startReceiver } from '../support/receiver.ts';
import { ended, openSite, picture } from './site.ts';

interface Created {
  readonly createWebhook: { readonly secret: string };
}

const CREATE = `mutation ($url: URL!) { createWebhook(input: { url: $url }) {
  ... on CreateWebhookPayload { secret webhook { id } } ... on Error { message } } }`;
const CREATE_FOR_SUCCESS = CREATE.replace('url: $url', 'url: $url, events: [SUCCEEDED]');
const LOG = '{ webhooks { deliveries { eventId type attempts responseStatus deliveredAt } } }';
vi.setConfig({ testTimeout: 60_000 });

const wait = { timeout: 30_000, interval: 50 };
const allow = { URL_ALLOW_HOSTS: '127.0.0.0/8' };

function closing(server: Server): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

test('kill -9 of the worker that sends webhooks: another one sends them again, each with the id that it had', async () => {
  await using site = await openSite();
  const api = await site.open('api', allow);
  const [client, worker] = [site.client(api), await site.start('worker', allow)];
  await site.addNode(api, { model: 'fox' });
  await using receiver = await startReceiver(() => undefined);
  const { createWebhook } = await post<Created>(api.url, adminKey, CREATE, { url: receiver.url });
  const { id } = await client.submit(picture('fox'));
  await ended(client, id);
  const first = (await receiver.received(3)).map(({ headers }) => headers['webhook-id']);
  expect(new Set(first)).toEqual(new Set([1, 2, 3].map((version) => `${id}_${version}`)));
  await worker.end('SIGKILL');
  receiver.answer = ({ response }) => void response.writeHead(204).end();
  await site.database.pool.query("UPDATE webhook_delivery SET lease_until = now() - interval '1 ms'");
  await site.open('worker', allow);
  const again = (await receiver.received(6)).slice(3);
  expect(new Set(again.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(first));
  for (const { headers, body } of again) {
    const signed = new Webhook(createWebhook.secret).verify(body, headers as Record<string, string>);
    expect(signed).toMatchObject({ data: { taskId: id } });
  }
  await vi.waitFor(async () => {
    const { webhooks } = await post<{ webhooks: { deliveries: object[] }[] }>(api.url, adminKey, LOG);
    const sent = { attempts: 2, responseStatus: 204, deliveredAt: expect.any(String) };
    expect(webhooks[0]?.deliveries).toEqual(
      ['succeeded', 'started', 'submitted'].map((type, n) => ({
        ...{ eventId: `${id}_${3 - n}`, type: `task.${type}` },
        ...sent,
      })),
    );
  }, wait);
  await site.expectOrder();
});

test('the receiver of the documentation believes what is signed for it, once, and nothing else', async () => {
  await using site = await openSite();
  const app = await site.open('all', allow);
  const client = site.client(app);
  await site.addNode(app, { model: 'fox' });
  const told: Told[] = [];
  const { rotateWebhookSecret } = await post<{ rotateWebhookSecret: { secret: string } }>(
    app.url,
    adminKey,
    'mutation { rotateWebhookSecret { ... on RotateWebhookSecretPayload { secret } } }',
  );
  const server = createReceiver(rotateWebhookSecret.secret, (event) => told.push(event)).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  await using _closed = closing(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { id } = await client.submit({ ...picture('fox'), webhookUrl: url });
  await vi.waitFor(() => expect(told).toHaveLength(3), wait);
  expect(told.find(({ type }) => type === 'task.succeeded')).toEqual({
    ...{ id: `${id}_3`, type: 'task.succeeded', timestamp: expect.any(String) },
    data: { taskId: id, kind: 'TEXT_TO_IMAGE', status: 'SUCCEEDED', version: 3, attempt: 1 },
  });
  const forged = await fetch(url, { method: 'POST', body: JSON.stringify(told[0]) });
  expect(forged.status).toBe(401);
  const task = await post<{ task: { webhook: { deliveries: { id: string }[] } } }>(
    app.url,
    adminKey,
    'query ($id: ID!) { task(id: $id) { webhook { deliveries { id } } } }',
    { id },
  );
  const again = `mutation ($id: ID!) { redeliverWebhook(deliveryId: $id) { ... on WebhookDelivery { id } } }`;
  const deliveryId = task.task.webhook.deliveries[0]?.id;
  const { redeliverWebhook } = await post<{ redeliverWebhook: { id: string } }>(app.url, adminKey, again, {
    id: deliveryId,
  });
  await vi.waitFor(async () => {
    const { rows } = await site.database.pool.query(
      'SELECT delivered_at FROM webhook_delivery ORDER BY id DESC LIMIT 1',
    );
    expect(rows[0].delivered_at).not.toBeNull();
  }, wait);
  expect(redeliverWebhook.id).not.toBe(deliveryId);
  expect(told).toHaveLength(3);
});

test('metrics tell how requests to webhooks ended, what is still to be sent, and how many are disabled', async () => {
  await using site = await openSite();
  const app = await site.open('all', allow);
  const client = site.client(app);
  await site.addNode(app, { model: 'fox' });
  await using good = await startReceiver();
  await using down = await startReceiver(({ response }) => {
    // So long that no second attempt comes before everything has been told.
    response.writeHead(500, { 'retry-after': '3600' }).end();
  });
  await using gone = await startReceiver(({ response }) => void response.writeHead(410).end());
  await post(app.url, adminKey, CREATE, { url: good.url });
  await post(app.url, adminKey, CREATE_FOR_SUCCESS, { url: down.url });
  await post(app.url, adminKey, CREATE_FOR_SUCCESS, { url: gone.url });
  await ended(client, (await client.submit(picture('fox'))).id);
  await good.received(4);
  await vi.waitFor(async () => {
    const text = await (await fetch(`${app.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith('switchyard_webhook'));
    expect(lines.toSorted()).toEqual([
      'switchyard_webhook_attempts_total{outcome="delivered"} 4',
      'switchyard_webhook_attempts_total{outcome="failed"} 1',
      'switchyard_webhook_attempts_total{outcome="given_up"} 1',
      'switchyard_webhook_deliveries{state="due"} 0',
      'switchyard_webhook_deliveries{state="retrying"} 1',
      'switchyard_webhooks{state="disabled"} 1',
      'switchyard_webhooks{state="enabled"} 2',
    ]);
  }, wait);
});
