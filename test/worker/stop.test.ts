import { describe, expect, test } from 'vitest';
import { openWorkers } from './support.ts';

describe('a cancel', () => {
  test('stops the node within 200 ms from another process, where hanging up stops it', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'WHISPER_CPP', latencyMs: 20_000 });
    await yard.worker();
    const taskId = await yard.submitSpeech();
    const call = await node.received(1);
    const canceledAt = performance.now();
    const { tasks } = await yard.another();
    await tasks.cancel(taskId);
    const { endedAt } = await call.ended;
    expect((endedAt ?? Number.NaN) - canceledAt).toBeLessThan(200);
    await expect.poll(() => tasks.cancel(taskId)).toEqual({ outcome: 'STOPPED_ON_NODE' });
    await expect.poll(yard.busySlots).toBe(0);
    await yard.until(taskId, { status: 'CANCELED' });
  });

  test('leaves a call open that nothing stops; its answer frees the slot and changes nothing', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'QWEN_IMAGE_GGUF', latencyMs: 1_000 });
    await yard.worker();
    const taskId = await yard.submit();
    await node.received(1);
    expect(await yard.tasks.cancel(taskId)).toEqual({ outcome: 'ABANDONED' });
    expect(await yard.busySlots()).toBe(1);
    await expect.poll(yard.busySlots, { timeout: 3_000 }).toBe(0);
    await yard.until(taskId, { status: 'CANCELED' });
    expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'CANCELED', stopped: false }]);
  });

  test('that nobody told of is found by the next renewal', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'OPENAI', latencyMs: 20_000 });
    await yard.worker(yard, { leaseMs: 1_500 });
    const taskId = await yard.submit();
    await node.received(1);
    await yard.sql(`UPDATE task_attempt SET outcome = 'CANCELED', ended_at = now() WHERE task_id = $1`, [
      taskId,
    ]);
    await expect
      .poll(() => yard.attempts(taskId), { timeout: 4_000 })
      .toMatchObject([{ stopped: expect.anything() }]);
  });
});

describe('a drain', () => {
  test('lets what runs end, and claims no more', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ latencyMs: 300 });
    const worker = await yard.worker();
    const [running, waiting] = [await yard.submit(), await yard.submit()];
    await node.received(1);
    await worker.drain(5_000);
    expect(await yard.task(running)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await yard.task(waiting)).toMatchObject({ status: 'QUEUED' });
    expect(await yard.busySlots()).toBe(0);
  });

  test('hands back what does not end in time, and no try is spent', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'OPENAI', latencyMs: 20_000 });
    const worker = await yard.worker();
    const taskId = await yard.submit({ maxAttempts: 1 });
    await node.received(1);
    const began = performance.now();
    await worker.drain(200);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(await yard.task(taskId)).toMatchObject({ status: 'QUEUED' });
    expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'WORKER_LOST' }]);
    node.set({ latencyMs: 0 });
    await yard.sql('UPDATE slot SET held_until = NULL');
    await yard.worker();
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 });
  });
});

test('a worker that cannot renew its lease ends its calls', async () => {
  await using yard = await openWorkers({ config: { leaseMs: 1_500 } });
  const node = await yard.simulate({ protocol: 'WHISPER_CPP', latencyMs: 20_000 });
  await yard.worker(yard, { leaseMs: 1_500 });
  const taskId = await yard.submitSpeech();
  const call = await node.received(1);
  const blocker = await yard.database.pool.connect();
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE worker');
  const lockedAt = performance.now();
  const { endedAt } = await call.ended;
  expect((endedAt ?? Number.NaN) - lockedAt).toBeLessThan(10_000);
  node.set({ latencyMs: 0 });
  await blocker.query('COMMIT');
  blocker.release();
  await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 }, 10_000);
  expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'WORKER_LOST' }, { outcome: 'SUCCEEDED' }]);
});
