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
