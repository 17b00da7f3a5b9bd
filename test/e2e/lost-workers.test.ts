import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Client, Task } from '../../sdk/src/index.ts';
import type { App } from '../../src/app.ts';
import { decodeId } from '../../src/ids.ts';
import { png, send, type Trap } from '../support/outside-nodes.ts';
import { startOutsideWriter } from '../support/outside-writer.ts';
import type { ServerProcess } from '../support/process.ts';
import { until } from './outside/streams.ts';
import { ended, eventOf, openSite, picture, type Site } from './site.ts';

vi.setConfig({ testTimeout: 120_000 });

let site: Site;
let api: App;
let client: Client;
/** The only one that runs, before each test but the last. */
let worker: ServerProcess;

beforeAll(async () => {
  site = await openSite();
  [api, worker] = await Promise.all([site.open('api'), site.start('worker')]);
  client = site.client(api);
});

afterAll(() => site?.[Symbol.asyncDispose]());

/** A picture of this red, so that it can be told who drew it. */
const draw =
  (red: number): Trap =>
  async ({ response }) => {
    const b64_json = (await png(32, 32, red)).toString('base64');
    send(response, 200, 'application/json', JSON.stringify({ data: [{ b64_json }] }));
  };

test('kill -9 of a worker: what it ran runs elsewhere, and no slot is leased twice', async () => {
  const first = worker;
  const node = await site.addNode(api, { model: 'fox', slots: 2 });
  node.hold();
  const tasks = await Promise.all(Array.from({ length: 5 }, () => client.submit(picture('fox'))));
  await node.called(2);
  worker = await site.start('worker');
  await site.kill(first);
  await node.called(4);
  node.release();
  await Promise.all(tasks.map(({ id }) => ended(client, id)));
  await site.expectOrder();
  const outcomes = await Promise.all(
    tasks.map(async ({ id }) => (await site.attempts(id)).map(({ outcome }) => outcome).join()),
  );
  expect(outcomes.toSorted()).toEqual([
    'SUCCEEDED',
    'SUCCEEDED',
    'SUCCEEDED',
    'WORKER_LOST,SUCCEEDED',
    'WORKER_LOST,SUCCEEDED',
  ]);
  expect(node.peak).toBe(2);
  expect(node.calls).toHaveLength(7);
});

test('SIGSTOP of a worker for less than its lease, then SIGCONT: nothing happens', async () => {
  const node = await site.addNode(api, { model: 'hare' });
  node.hold();
  const { id } = await client.submit(picture('hare'));
  await node.called(1);
  process.kill(worker.pid, 'SIGSTOP');
  const [call] = node.calls;
  if (!call) throw new Error('there was no call');
  const answered = once(call.response, 'finish');
  node.release();
  await answered;
  process.kill(worker.pid, 'SIGCONT');
  expect((await ended(client, id)).status).toBe('SUCCEEDED');
  expect(await site.attempts(id)).toMatchObject([{ outcome: 'SUCCEEDED' }]);
});

test('kill -9 of a worker whose node works on: its slot cools down before it is leased again', async () => {
  const node = await site.addNode(api, { model: 'wolf', protocol: 'QWEN_IMAGE_GGUF' });
  node.hold();
  // So large that it is expected to take longer than it may.
  const large = { textToImage: { prompt: 'a red fox', width: 1024, height: 1024, model: 'wolf' } };
  const task = await client.submit({ task: large, timeoutMs: 6_000 });
  await node.called(1);
  await site.kill(worker);
  const other = await site.open('worker');
  onTestFinished(() => other.close());
  await eventOf(client, task.id, 'RETRYING');
  const next = site.start('worker');
  await node.called(2);
  node.release();
  expect((await ended(client, task.id)).status).toBe('SUCCEEDED');
  worker = await next;
  const { rows } = await site.database.pool.query(
    `SELECT extract(epoch FROM b.started_at - a.started_at)::float8 AS seconds
     FROM task_attempt a JOIN task_attempt b USING (task_id, node_id, slot_no)
     WHERE a.task_id = $1 AND a.number = 1 AND b.number = 2`,
    [decodeId('Task', task.id)],
  );
  expect(rows[0]?.seconds).toBeGreaterThanOrEqual(6);
  await site.expectOrder();
});

test('kill -9 of a worker in the midst of a text: it is hidden, and begins anew on another worker', async () => {
  await using writer = await startOutsideWriter();
  const offers = [{ kind: 'TEXT_GENERATION', models: ['poet'] }];
  const { nodes } = api.services;
  const poet = await nodes.register({ name: 'poet', url: writer.url, protocol: 'openai', offers });
  const { id } = await client.submit({ task: { textGeneration: { prompt: 'sing of foxes' } } });
  const told = client.watch(id, { signal: AbortSignal.timeout(90_000) });
  const seen = async (fits: (task: Task) => boolean) => (await until(told, fits)).at(-1);

  (await writer.asked(1)).write('A fox went');
  await seen(({ partialText }) => partialText === 'A fox went');
  // It takes nothing new, so that the task waits until it was seen to.
  await nodes.drain(poet.id);
  await site.kill(worker);
  const other = await site.open('worker');
  onTestFinished(() => other.close());
  const waiting = await seen(({ status }) => status === 'QUEUED');
  expect(waiting).toMatchObject({ attempt: 1, partialText: null, error: { code: 'WORKER_LOST' } });

  await nodes.resume(poet.id);
  const second = await writer.asked(2);
  expect(await client.task(id)).toMatchObject({ status: 'RUNNING', attempt: 2, partialText: null });
  second.write('Foxes');
  const again = await seen(({ partialText }) => partialText !== null);
  expect(again).toMatchObject({ attempt: 2, partialText: 'Foxes' });
  second.end();
  const end = await seen(({ status }) => status === 'SUCCEEDED');
  expect(end).toMatchObject({ attempt: 2, partialText: null, result: { text: 'Foxes' } });
  await site.expectOrder();
  const { rows } = await site.database.pool.query('SELECT 1 FROM task_text');
  expect(rows).toEqual([]);
});

test('SIGSTOP of a worker beyond its lease, then SIGCONT: its late answer changes nothing, and it works on', async () => {
  const sleeper = await site.start('worker', { WORKER_LEASE_MS: '3000' });
  const node = await site.addNode(api, { model: 'bear', slots: 2 });
  const [late, sent] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  node.trap(
    async (call) => {
      await late.promise;
      await draw(10)(call);
      sent.resolve();
    },
    ...[draw(90), draw(90)],
  );
  const { id } = await client.submit(picture('bear'));
  await node.called(1);
  process.kill(sleeper.pid, 'SIGSTOP');
  const other = await site.open('worker');
  const rows = 'SELECT FROM worker WHERE pid = $1';
  const isKnown = async () => (await site.database.pool.query(rows, [sleeper.pid])).rowCount;
  await expect.poll(isKnown, { timeout: 30_000 }).toBe(0);
  await eventOf(client, id, 'RETRYING');
  const task = await ended(client, id);
  // On a machine with much else to do, the sleeper may miss its short lease before it sleeps, too.
  const attempts = await site.attempts(id);
  expect(attempts[0]).toMatchObject({ outcome: 'WORKER_LOST' });
  expect(attempts.slice(1).at(-1)).toMatchObject({ outcome: 'SUCCEEDED' });

  late.resolve();
  await sent.promise;
  process.kill(sleeper.pid, 'SIGCONT');
  await sleeper.logged(/lost its lease/);
  await other.close();
  // Only the one that slept is left to run this.
  const next = await client.submitAndWait(picture('bear'), { signal: AbortSignal.timeout(60_000) });
  expect(next.status).toBe('SUCCEEDED');
  const { updatedAt, version, result } = task;
  expect(await client.task(id)).toMatchObject({
    status: 'SUCCEEDED',
    attempt: attempts.length,
    updatedAt,
    version,
  });
  if (result?.__typename !== 'ImageResult' || !result.images[0]) throw new Error('no picture');
  const { sha256 } = result.images[0];
  expect(sha256).toBe(
    createHash('sha256')
      .update(await png(32, 32, 90))
      .digest('hex'),
  );
  await site.expectOrder();
});
