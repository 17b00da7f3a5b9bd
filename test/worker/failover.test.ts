import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openWorkers } from './support.ts';

test('what runs on a node that dies goes on elsewhere within two seconds', async () => {
  await using yard = await openWorkers();
  const dying = await yard.simulate({ protocol: 'QWEN_IMAGE_GGUF', latencyMs: 30_000 });
  await yard.worker();
  const taskId = await yard.submit();
  await dying.received(1);
  const other = await yard.simulate();
  const diedAt = performance.now();
  await dying.refuseConnections();
  await yard.until(taskId, { nodeId: other.nodeId, attempt: 2 }, 5_000);
  expect(performance.now() - diedAt).toBeLessThan(3_000);
  await yard.until(taskId, { status: 'SUCCEEDED' });
  expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'NODE_LOST' }, { outcome: 'SUCCEEDED' }]);
});

test('what still runs on a node when its drain is over goes on elsewhere, and has lost no try', async () => {
  await using yard = await openWorkers();
  const full = await yard.simulate({ protocol: 'QWEN_IMAGE_GGUF', latencyMs: 30_000 });
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

test('a node that is gone without a word is found out while its connection still seems open', async () => {
  await using yard = await openWorkers();
  const called = Promise.withResolvers<void>();
  const vanishing = createServer((request, response) => {
    if (request.url === '/ping') response.end(JSON.stringify({ status: 'ready' }));
    else called.resolve();
  }).listen(0, '127.0.0.1');
  await once(vanishing, 'listening');
  const { port } = vanishing.address() as AddressInfo;
  await yard.nodes.register({
    name: 'vanishing',
    url: `http://127.0.0.1:${port}`,
    protocol: 'QWEN_IMAGE_GGUF',
    offers: [{ kind: 'TEXT_TO_IMAGE', models: ['fox'] }],
  });
  const stopping = new AbortController();
  const probing = yard.nodes.probe(stopping.signal);
  await yard.worker();
  const taskId = await yard.submit({ maxAttempts: 1 });
  await called.promise;
  const goneAt = performance.now();
  // Accepts no more, and leaves open what is open.
  vanishing.close();
  await yard.until(taskId, { status: 'FAILED' });
  expect(performance.now() - goneAt).toBeLessThan(2_000);
  expect(await yard.attempts(taskId)).toMatchObject([
    { outcome: 'NODE_LOST', error: { code: 'NODE_UNREACHABLE' } },
  ]);
  stopping.abort();
  await probing;
  vanishing.closeAllConnections();
});
