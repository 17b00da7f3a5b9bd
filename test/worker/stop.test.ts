import { describe, expect, test } from 'vitest';
import { openWorkers } from './support.ts';

describe('a cancel', () => {
  test('stops the node within 200 ms from another process, where hanging up stops it', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'WHISPER_CPP', latencyMs: 60_000 });
    await yard.worker();
    const { tasks } = await yard.another();
    const delays: number[] = [];
    for (let n = 1; n <= 3; n++) {
      const taskId = await yard.submitSpeech();
      const call = await node.received(n);
      const canceledAt = performance.now();
      await tasks.cancel(taskId);
      const { endedAt } = await call.ended;
      delays.push((endedAt ?? Number.NaN) - canceledAt);
      await expect.poll(() => tasks.cancel(taskId)).toEqual({ outcome: 'STOPPED_ON_NODE' });
      await expect.poll(yard.busySlots).toBe(0);
      await yard.until(taskId, { status: 'CANCELED' });
    }
    // Of a machine that has much else to do, the best is what the way there takes.
    expect(Math.min(...delays)).toBeLessThan(200);
  });

  test('leaves a call open that nothing stops; its answer frees the slot and changes nothing', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'QWEN_IMAGE_GGUF', latencyMs: 1_000 });
    await yard.worker();
    const taskId = await yard.submit();
    await node.received(1);
    expect(await yard.tasks.cancel(taskId)).toEqual({ outcome: 'ABANDONED' });
    expect(await yard.busySlots()).toBe(1);
    await expect.poll(yard.busySlots, { timeout: 15_000 }).toBe(0);
    await yard.until(taskId, { status: 'CANCELED' });
    expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'CANCELED', stopped: false }]);
  });

  test('stops that very call within 200 ms from another process, where the node has a way to ask', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'COG', latencyMs: 6_000, nodeSlots: 3 });
    const { tasks } = await yard.another();
    await yard.worker();
    const custom = { kind: 'CUSTOM', model: 'thing', input: { type: 'thing', payload: { a: 1 } } } as const;
    const other = await yard.submit(custom);
    const canceled = [await yard.submit(custom), await yard.submit(custom)];
    const calls = [await node.received(1), await node.received(2), await node.received(3)];
    const delays: number[] = [];
    for (const taskId of canceled) {
      const canceledAt = performance.now();
      await tasks.cancel(taskId);
      const call = await calls.find(({ route }) => route.includes(taskId))?.ended;
      expect(call?.outcome).toBe('stopped');
      delays.push((call?.endedAt ?? Number.NaN) - canceledAt);
      await expect.poll(() => tasks.cancel(taskId)).toEqual({ outcome: 'STOPPED_ON_NODE' });
      expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'CANCELED', stopped: true }]);
    }
    // The first one finds everything cold.
    expect(Math.min(...delays)).toBeLessThan(200);
    expect(await yard.busySlots()).toBe(1);
    await yard.until(other, { status: 'SUCCEEDED' }, 10_000);
  });

  test('leaves the call open where the node will not stop it', async () => {
    await using yard = await openWorkers();
    const node = await yard.simulate({ protocol: 'SD_CPP', latencyMs: 4_000 });
    await yard.worker();
    const taskId = await yard.submit();
    await node.received(1);
    expect(await yard.tasks.cancel(taskId)).toEqual({ outcome: 'ABANDONED' });
    expect(await yard.busySlots()).toBe(1);
    await expect.poll(yard.busySlots, { timeout: 15_000 }).toBe(0);
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
      .poll(() => yard.attempts(taskId), { timeout: 15_000 })
      .toMatchObject([{ stopped: expect.anything() }]);
  });
});

test('a node that has a way to is asked to stop what took too long', async () => {
  await using yard = await openWorkers();
  const node = await yard.simulate({ protocol: 'COG', latencyMs: 60_000 });
  await yard.worker();
  const input = { type: 'thing', payload: {} };
  const once = { timeoutMs: 1_000, maxAttempts: 1 };
  const taskId = await yard.submit({ kind: 'CUSTOM', model: 'thing', input, ...once });
  const call = await node.received(1);
  expect((await call.ended).outcome).toBe('stopped');
  await yard.until(taskId, { status: 'FAILED' });
  expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'TIMED_OUT' }]);
  expect(await yard.busySlots()).toBe(0);
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
    const call = await node.received(1);
    await worker.drain(200);
    // It was not waited for.
    expect(call.outcome).not.toBe('answered');
    expect(await yard.task(taskId)).toMatchObject({ status: 'QUEUED' });
    expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'WORKER_LOST' }]);
    node.set({ latencyMs: 0 });
    await yard.sql('UPDATE slot SET held_until = NULL');
    await yard.worker();
    await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 });
  });
});

test('a worker that cannot renew its lease ends its calls', async () => {
  // So long that a busy machine renews it while nothing stands in the way.
  const leaseMs = 4_000;
  await using yard = await openWorkers({ config: { leaseMs } });
  const node = await yard.simulate({ protocol: 'WHISPER_CPP', latencyMs: 20_000 });
  await yard.worker(yard, { leaseMs });
  const taskId = await yard.submitSpeech();
  const call = await node.received(1);
  const blocker = await yard.database.pool.connect();
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE worker');
  expect((await call.ended).outcome).toBe('stopped');
  node.set({ latencyMs: 0 });
  await blocker.query('COMMIT');
  blocker.release();
  await yard.until(taskId, { status: 'SUCCEEDED', attempt: 2 }, 10_000);
  expect(await yard.attempts(taskId)).toMatchObject([{ outcome: 'WORKER_LOST' }, { outcome: 'SUCCEEDED' }]);
});
