import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openWorkers } from './support.ts';

/** How soon a task goes on elsewhere, or fails, once its node is gone. */
const WITHIN_MS = 2_000;
const MAX_ROUNDS = 5;

/** The quickest of a few rounds: a busy machine may stand still in any one of them. */
async function quickest(round: (model: string) => Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let n = 1; n <= MAX_ROUNDS && best >= WITHIN_MS; n++) best = Math.min(best, await round(`model-${n}`));
  return best;
}

test('what runs on a node that dies goes on elsewhere within two seconds', { timeout: 60_000 }, async () => {
  await using yard = await openWorkers();
  await yard.worker();
  const ms = await quickest(async (model) => {
    const dying = await yard.simulate({ protocol: 'QWEN_IMAGE_GGUF', model, pausesAt: 0 });
    const taskId = await yard.submit({ model });
    await dying.received(1);
    const other = await yard.simulate({ model });
    const diedAt = performance.now();
    await dying.refuseConnections();
    await yard.until(taskId, { nodeId: other.nodeId, attempt: 2 });
    const wentOnAfter = performance.now() - diedAt;
    await yard.until(taskId, { status: 'SUCCEEDED' });
    expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'NODE_LOST' }, { outcome: 'SUCCEEDED' }]);
    return wentOnAfter;
  });
  expect(ms).toBeLessThan(WITHIN_MS);
});

test('what still runs on a node when its drain is over goes on elsewhere, and has lost no try', async () => {
  await using yard = await openWorkers();
  const full = await yard.simulate({ protocol: 'QWEN_IMAGE_GGUF', pausesAt: 0 });
  const stopping = new AbortController();
  const probing = yard.nodes.probe(stopping.signal);
  await yard.worker();
  const taskId = await yard.submit({ maxAttempts: 1 });
  await full.received(1);
  const other = await yard.simulate();
  await yard.nodes.drain(full.nodeId, 300);
  await yard.until(taskId, { status: 'SUCCEEDED', nodeId: other.nodeId, attempt: 2 });
  expect(await yard.attempts(taskId)).toMatchObject([
    { outcome: 'NODE_LOST', error: { message: 'the node was drained while it worked' } },
    { outcome: 'SUCCEEDED' },
  ]);
  stopping.abort();
  await probing;
});

/** Says that it is ready, and never answers a call. */
async function startMute() {
  const called = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    if (request.url === '/ping') response.end(JSON.stringify({ status: 'ready' }));
    else called.resolve();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    called: called.promise,
    /** Accepts no more, and leaves open what is open. */
    vanish: () => void server.close(),
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

test('a node that is gone without a word is found out while its connection still seems open', {
  timeout: 60_000,
}, async () => {
  await using yard = await openWorkers();
  const stopping = new AbortController();
  const probing = yard.nodes.probe(stopping.signal);
  await yard.worker();
  const ms = await quickest(async (model) => {
    using mute = await startMute();
    await yard.nodes.register({
      name: model,
      url: mute.url,
      protocol: 'QWEN_IMAGE_GGUF',
      offers: [{ kind: 'TEXT_TO_IMAGE', models: [model] }],
    });
    const taskId = await yard.submit({ model, maxAttempts: 1 });
    await mute.called;
    const goneAt = performance.now();
    mute.vanish();
    await yard.until(taskId, { status: 'FAILED' });
    const foundAfter = performance.now() - goneAt;
    expect(await yard.attempts(taskId)).toMatchObject([
      { outcome: 'NODE_LOST', error: { code: 'NODE_UNREACHABLE' } },
    ]);
    return foundAfter;
  });
  expect(ms).toBeLessThan(WITHIN_MS);
  stopping.abort();
  await probing;
});
