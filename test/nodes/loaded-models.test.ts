import { expect, test } from 'vitest';
import { loadsOf } from '../../src/nodes/loaded-models.ts';
import { claimOne, finish, openYard, submission, success } from '../support/yard.ts';
import { startNode } from './protocols/node.ts';
import { openNodes } from './support.ts';

const within = { timeout: 10_000, interval: 20 };

/** A server with OpenAI's API that says of each of its models whether it is loaded. */
async function startRouter() {
  let statuses: Record<string, string> = {};
  const server = await startNode((path, response) => {
    const data = Object.entries(statuses).map(([id, value]) => ({ id, status: { value } }));
    const [status, body] = path === '/v1/models' ? [200, { data }] : [404, {}];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  return Object.assign(server, {
    say(now: Record<string, string>) {
      statuses = now;
    },
  });
}

test('a node holds what it is given to run; the least recently used has to make room', () => {
  const offers = [{ kind: 'TEXT_TO_IMAGE', models: ['a', 'b', 'c'] }];
  const view = { id: 'n', offers, freeSlots: [1, 2], busyForSeconds: [], lastLeasedAt: 0 };
  const loads = (loadedModels: string[] | null, ...models: string[]) => {
    const { isSwap, loaded } = loadsOf(
      [{ ...view, loadedModels }],
      models.map((model) => ({ nodeId: 'n', model })),
    );
    return [isSwap, loaded.get('n')];
  };
  expect(loads(['a', 'b'], 'a', 'b')).toEqual([[false, false], undefined]);
  expect(loads(['a', 'b'], 'a')).toEqual([[false], ['b', 'a']]);
  expect(loads(['a', 'b'], 'a', 'c')).toEqual([
    [false, true],
    ['a', 'c'],
  ]);
  expect(loads(['a', 'b'], 'c')).toEqual([[true], ['b', 'c']]);
  expect(loads([], 'a')).toEqual([[true], ['a']]);
  expect(loads(null, 'a', 'a')).toEqual([[true, true], ['a']]);
  const single = { ...view, offers: [{ kind: 'TEXT_TO_IMAGE', models: ['a'] }] };
  expect(loadsOf([single], [{ nodeId: 'n', model: 'a' }])).toEqual({ isSwap: [false], loaded: new Map() });
});

test('a probe tells which models a node has loaded, by the names of its offers', async () => {
  await using under = await openNodes({ healthCheckIntervalMs: 200 });
  await using router = await startRouter();
  const offers = [{ kind: 'TEXT_TO_IMAGE', models: ['a', 'b'] }];
  const node = { name: 'one', url: router.url, protocol: 'OPENAI', offers };
  const { id } = await under.nodes.register(node);
  const row = () => under.database.prisma.gpuNode.findUniqueOrThrow({ where: { id } });
  const stopping = new AbortController();
  const probing = under.nodes.probe(stopping.signal);

  router.say({ a: 'unloaded', b: 'loaded' });
  await expect.poll(row, within).toMatchObject({ reportedModels: ['a', 'b'], loadedModels: ['b'] });
  // Which was used last it does not say.
  await under.database.pool.query(`UPDATE gpu_node SET loaded_models = '["b", "a"]', loaded_at = now()`);
  router.say({ a: 'loaded', b: 'loaded', c: 'unloaded' });
  await expect.poll(row, within).toMatchObject({ reportedModels: ['a', 'b', 'c'], loadedModels: ['b', 'a'] });
  router.say({ a: 'unloaded', b: 'unloaded' });
  await expect.poll(row, within).toMatchObject({ healthy: true, loadedModels: [] });
  // What a claim has changed is newer than what a probe was told before.
  await under.database.pool.query(
    `UPDATE gpu_node SET loaded_models = '["a"]', loaded_at = now() + interval '1 hour'`,
  );
  router.say({ b: 'loaded' });
  await expect.poll(row, within).toMatchObject({ reportedModels: ['b'], loadedModels: ['a'] });
  // Names that the offers do not use tell nothing of what is loaded, however new they are.
  router.say({ 'sd-cpp-local': 'loaded' });
  const told = { reportedModels: ['sd-cpp-local'], loadedModels: ['a'] };
  await expect.poll(row, within).toMatchObject(told);
  await under.database.pool.query(
    `UPDATE gpu_node SET loaded_at = now() - interval '1 hour', reported_models = '[]'`,
  );
  await expect.poll(row, within).toMatchObject(told);

  stopping.abort();
  await probing;
});

test('a claim for another model is a swap, and the next plan knows what the node holds', async () => {
  await using yard = await openYard();
  const nodeId = await yard.addNode({ models: ['a', 'b'] });
  const userId = await yard.addUser();
  const run = async (model: string) => {
    await yard.tasks.submit(submission(userId, { model }), 'VIP');
    const claimed = await claimOne(yard);
    await finish(yard.tasks, success(claimed));
    const { loadedModels } = await yard.database.prisma.gpuNode.findUniqueOrThrow({ where: { id: nodeId } });
    return [claimed.isSwap, loadedModels];
  };
  expect(await run('a')).toEqual([true, ['a']]);
  expect(await run('a')).toEqual([false, ['a']]);
  expect(await run('b')).toEqual([true, ['b']]);
});

test('what loading a model takes is learned from runs that had to wait for it, and is no part of the speed', async () => {
  await using under = await openNodes();
  const offers = [{ kind: 'TEXT_TO_IMAGE', models: ['a', 'b'] }];
  const { id: nodeId } = await under.nodes.register({
    ...{ name: 'one', url: 'http://127.0.0.1:9', protocol: 'OPENAI', offers },
  });
  const worker = under.sibling();
  const run = (model: string, seconds: number, isSwap: boolean) =>
    worker.recordRun({ nodeId, kind: 'TEXT_TO_IMAGE', model, cost: 10, seconds, isSwap });
  run('a', 35, true);
  run('b', 40, true);
  run('b', 20, false);
  run('b', 50, true);
  const written = () => under.database.prisma.runEstimate.count();
  await expect.poll(written, within).toBe(2);
  expect({ speeds: await under.nodes.speeds(), swaps: await under.nodes.swaps() }).toMatchObject({
    speeds: [
      // Until it has run without, nobody knows what of it was the loading.
      { model: 'a', secondsPerUnit: 3.5, samples: 1 },
      { model: 'b', secondsPerUnit: 2, samples: 1 },
    ],
    swaps: [{ nodeId, model: 'b', seconds: 25 }],
  });
});

test('a node that says it is idle ends the cool-down of its slots', async () => {
  await using under = await openNodes({ healthCheckIntervalMs: 200 });
  let idle = false;
  await using server = await startNode((_, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ ready: true, idle }));
  });
  const offers = [{ kind: 'TEXT_TO_IMAGE', models: ['a'] }];
  const { id } = await under.nodes.register({ name: 'one', url: server.url, protocol: 'JSON', offers });
  await under.database.pool.query(
    `UPDATE slot SET leased_at = now() - interval '1 s', held_until = now() + interval '1 hour'`,
  );
  const stopping = new AbortController();
  const probing = under.nodes.probe(stopping.signal);
  const node = () =>
    under.database.prisma.gpuNode.findUniqueOrThrow({ where: { id }, include: { slots: true } });
  await expect.poll(node, within).toMatchObject({ healthy: true, slots: [{ heldUntil: expect.any(Date) }] });
  idle = true;
  await expect.poll(node, within).toMatchObject({ slots: [{ heldUntil: null }] });
  stopping.abort();
  await probing;
});
