import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Client, Task } from '../../sdk/src/index.ts';
import { createSimulator } from '../../simulator/index.ts';
import type { App } from '../../src/app.ts';
import { png, send, type Trap } from '../support/outside-nodes.ts';
import type { ServerProcess } from '../support/process.ts';
import { ended, eventOf, openSite, picture, type Site } from './site.ts';

vi.setConfig({ testTimeout: 60_000 });

const LEASE_MS = 3_000;
const lease = { WORKER_LEASE_MS: String(LEASE_MS) };

let site: Site;
let api: App;
let client: Client;
/** The only one that runs, before each test and after it. */
let worker: ServerProcess;

beforeAll(async () => {
  site = await openSite();
  [api, worker] = await Promise.all([site.open('api', lease), site.start('worker', lease)]);
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
  worker = await site.start('worker', lease);
  await first.end('SIGKILL');
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

test('kill -9 of a worker whose node works on: its slot cools down before it is leased again', async () => {
  const first = worker;
  const node = await site.addNode(api, { model: 'wolf', protocol: 'QWEN_IMAGE_GGUF' });
  node.hold();
  // So large that it is expected to take longer than it may.
  const large = { textToImage: { prompt: 'a red fox', width: 1024, height: 1024, model: 'wolf' } };
  const task = await client.submit({ task: large, timeoutMs: 8_000 });
  await node.called(1);
  const startedAt = Date.parse((await eventOf(client, task.id, 'STARTED')).at);
  [worker] = await Promise.all([site.start('worker', lease), first.end('SIGKILL')]);
  // It works for a while after it was given up; nobody hears that it is done.
  await eventOf(client, task.id, 'RETRYING');
  node.release();
  await node.called(2);
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(8_000);
  expect((await ended(client, task.id)).status).toBe('SUCCEEDED');
  expect(node.peak).toBe(1);
  await site.expectOrder();
});

test('SIGSTOP of a worker beyond its lease, then SIGCONT: its late answer changes nothing, and it works on', async () => {
  const sleeper = worker;
  const node = await site.addNode(api, { model: 'bear', slots: 2 });
  // Shorter than the lease: nothing happens.
  node.hold();
  const brief = await client.submit(picture('bear'));
  await node.called(1);
  process.kill(sleeper.pid, 'SIGSTOP');
  const [call] = node.calls;
  if (!call) throw new Error('there was no call');
  const answered = once(call.response, 'finish');
  node.release();
  await answered;
  process.kill(sleeper.pid, 'SIGCONT');
  expect((await ended(client, brief.id)).status).toBe('SUCCEEDED');
  expect(await site.attempts(brief.id)).toMatchObject([{ outcome: 'SUCCEEDED' }]);

  const late = Promise.withResolvers<void>();
  node.trap(async (call) => {
    await late.promise;
    await draw(10)(call);
  }, draw(90));
  const { id } = await client.submit(picture('bear'));
  await node.called(2);
  process.kill(sleeper.pid, 'SIGSTOP');
  const other = await site.open('worker', lease);
  await eventOf(client, id, 'RETRYING');
  const task = await ended(client, id);
  // On a machine with much else to do, the other one may miss its short lease as well.
  const attempts = await site.attempts(id);
  expect(attempts[0]).toMatchObject({ outcome: 'WORKER_LOST' });
  expect(attempts.slice(1).at(-1)).toMatchObject({ outcome: 'SUCCEEDED' });

  late.resolve();
  process.kill(sleeper.pid, 'SIGCONT');
  await sleeper.logged(/lost its lease/);
  await other.close();
  // Only the one that slept is left to run this.
  const next = await client.submitAndWait(picture('bear'), { signal: AbortSignal.timeout(20_000) });
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

test('kill -9 of a worker in the midst of a text: it is hidden, and begins anew on another worker', async () => {
  await using simulator = await createSimulator({ protocol: 'OPENAI', latencyMs: 3_000 });
  const offers = [{ kind: 'TEXT_GENERATION', models: ['poet'] }];
  const { nodes } = api.services;
  const poet = await nodes.register({ name: 'poet', url: simulator.url, protocol: 'openai', offers });
  const first = worker;
  const { id } = await client.submit({
    task: { textGeneration: { prompt: 'sing of foxes', maxTokens: 40 } },
  });
  const seen: Task[] = [];
  for await (const task of client.watch(id, { signal: AbortSignal.timeout(40_000) })) {
    seen.push(task);
    const isAmidst = task.attempt === 1 && (task.partialText?.length ?? 0) > 40;
    if (isAmidst && worker === first) {
      // It takes nothing new, so that the task waits until it was seen to.
      await nodes.drain(poet.id);
      [worker] = await Promise.all([site.start('worker', lease), first.end('SIGKILL')]);
    }
    if (task.attempt === 1 && task.status === 'QUEUED') await nodes.resume(poet.id);
  }
  const waiting = seen.find(({ status, attempt }) => status === 'QUEUED' && attempt === 1);
  expect(waiting).toMatchObject({ partialText: null, error: { code: 'WORKER_LOST' } });
  const again = seen.flatMap(({ attempt, partialText }) =>
    attempt === 2 && partialText ? [partialText] : [],
  );
  expect(again[0]?.length).toBeLessThan(40);
  expect(seen.at(-1)).toMatchObject({ status: 'SUCCEEDED', attempt: 2, partialText: null });
  await site.expectOrder();
  const { rows } = await site.database.pool.query('SELECT 1 FROM task_text');
  expect(rows).toEqual([]);
});
