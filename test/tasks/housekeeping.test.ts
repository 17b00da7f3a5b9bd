import { expect, test } from 'vitest';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import { claimOne, drain, failure, finish, submission, useYard } from '../support/yard.ts';

const open = useYard();

const soon = (): Date => new Date(Date.now() + 3_600_000);

test('a scheduled task is queued when its time has come, behind those that waited before', async () => {
  const yard = open();
  await yard.addNode({ models: ['released'] });
  const userId = await yard.addUser();
  const submit = async (startAt: Date | null) =>
    (await yard.tasks.submit(submission(userId, { model: 'released', startAt }), 'VIP')).taskId;
  const early = await submit(soon());
  const never = await submit(soon());
  const waiting = await submit(null);
  expect(await yard.tasks.releaseDue()).toBe(0);
  await yard.sql("UPDATE task SET start_at = now() - interval '1 ms' WHERE id = $1", [early]);
  expect(await yard.tasks.releaseDue()).toBe(1);
  expect(await yard.tasks.releaseDue()).toBe(0);
  expect(await yard.task(early)).toMatchObject({ status: 'QUEUED', version: 2 });
  await expectInvariants(yard.database);
  expect((await drain(yard)).map(({ lease }) => lease.taskId)).toEqual([waiting, early]);
  await yard.tasks.cancel(never);
  await expectAllDone(yard.database);
});

test('processes that release at once release each task once', async () => {
  const yard = open();
  const other = await yard.another();
  await yard.addNode({ models: ['released-once'], slots: 20 });
  const userId = await yard.addUser();
  const submitted = await Promise.all(
    Array.from({ length: 20 }, () =>
      yard.tasks.submit(submission(userId, { model: 'released-once', startAt: soon() }), 'VIP'),
    ),
  );
  await yard.sql("UPDATE task SET start_at = now() - interval '1 ms' WHERE id = ANY ($1)", [
    submitted.map(({ taskId }) => taskId),
  ]);
  const released = await Promise.all([
    yard.tasks.releaseDue(),
    other.tasks.releaseDue(),
    yard.tasks.releaseDue(),
  ]);
  expect(released.reduce((sum, n) => sum + n, 0)).toBe(20);
  expect((await drain(yard)).length).toBe(20);
  await expectAllDone(yard.database);
});

test('tasks that wait beyond their deadline fail, whether scheduled, queued or in back-off; running ones go on', async () => {
  const yard = open();
  await yard.addNode({ models: ['overdue'] });
  const userId = await yard.addUser();
  const submit = async (startAt: Date | null = null) =>
    (await yard.tasks.submit(submission(userId, { model: 'overdue', startAt, deadline: soon() }), 'VIP'))
      .taskId;
  const retrying = await submit();
  await finish(yard.tasks, failure(await claimOne(yard), { retryAfterMs: 60_000 }));
  const running = await submit();
  const claimed = await claimOne(yard);
  const others = [retrying, await submit(), await submit(soon())];
  expect(await yard.tasks.failOverdue()).toBe(0);
  await yard.sql("UPDATE task SET deadline = now() - interval '1 ms' WHERE id = ANY ($1)", [
    [running, ...others],
  ]);
  expect(await yard.tasks.failOverdue()).toBe(3);
  expect(await yard.tasks.failOverdue()).toBe(0);
  for (const id of others) {
    expect(await yard.task(id)).toMatchObject({ status: 'FAILED', jobId: null });
    const { error } = await yard.database.prisma.taskData.findUniqueOrThrow({ where: { taskId: id } });
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', attempt: id === retrying ? 1 : 0 });
  }
  await expectInvariants(yard.database);
  await yard.tasks.freeSlot(claimed.lease, { gpuMs: 1 });
  await yard.tasks.settle(failure(claimed));
  expect(await yard.task(running)).toMatchObject({ status: 'FAILED' });
  await expectAllDone(yard.database);
});

test('tasks that ended longer ago than they are kept are deleted, and no other', async () => {
  const yard = open();
  await yard.addNode({ models: ['kept'], slots: 3 });
  const userId = await yard.addUser();
  const submit = async () => (await yard.tasks.submit(submission(userId, { model: 'kept' }), 'VIP')).taskId;
  const [old, fresh, recent] = [await submit(), await submit(), await submit()];
  await drain(yard);
  const waiting = await submit();
  /** As if it had been submitted, and had ended, so many days ago: ids tell the time of creation. */
  const age = async (id: string, submitted: number, ended: number): Promise<string> => {
    const hex = (Date.now() - submitted * 24 * 3_600_000).toString(16).padStart(12, '0');
    const oldId = `${hex.slice(0, 8)}-${hex.slice(8)}${id.slice(13)}`;
    await yard.sql(
      `UPDATE task SET id = $2, finished_at = finished_at - $3 * interval '1 day' WHERE id = $1`,
      [...[id, oldId, ended]],
    );
    return oldId;
  };
  const gone = await age(old, 60, 31);
  const kept = [await age(fresh, 60, 29), recent, waiting];
  expect(await yard.tasks.applyRetention()).toBe(1);
  expect(await yard.database.prisma.task.findUnique({ where: { id: gone } })).toBeNull();
  expect((await yard.database.prisma.task.findMany({ where: { id: { in: kept } } })).length).toBe(3);
  await drain(yard);
});

test('statistics tell what waits, runs and is free', async () => {
  const yard = open();
  await yard.addNode({ models: ['measured'], slots: 2 });
  const userId = await yard.addUser();
  const submit = (startAt: Date | null = null) =>
    yard.tasks.submit(submission(userId, { model: 'measured', startAt }), 'VIP');
  const scheduled = await submit(soon());
  for (let n = 0; n < 4; n++) await submit();
  const claimed = await yard.tasks.claim({ workerId: yard.workerId, limit: 10 });
  const stats = await yard.tasks.stats();
  expect(stats.queues.find(({ model }) => model === 'measured')).toMatchObject({
    kind: 'TEXT_TO_IMAGE',
    queued: 2,
    running: 2,
    scheduled: 1,
    capacity: 100_000,
    usage: 3 / 100_000,
    slots: 2,
    oldestQueuedMs: expect.any(Number),
  });
  expect(stats.workers.active).toBe(2);
  expect(stats.workers.idle).toBe(stats.workers.processes * 100 - 2);
  expect(stats.nodes).toMatchObject({ busySlots: 2 });
  await Promise.all(claimed.map((one) => finish(yard.tasks, failure(one, { retryable: false }))));
  await drain(yard);
  await yard.tasks.cancel(scheduled.taskId);
  await expectAllDone(yard.database);
});

test('queue positions follow the order in which tasks start, in each queue', async () => {
  const yard = open();
  await yard.addNode({ models: ['line-a'] });
  await yard.addNode({ models: ['line-b'] });
  const userId = await yard.addUser();
  const submit = async (model: string, priority: 'NORMAL' | 'URGENT' | 'LOW') =>
    (await yard.tasks.submit(submission(userId, { model, priority }), 'VIP')).taskId;
  const a = [
    await submit('line-a', 'LOW'),
    await submit('line-a', 'NORMAL'),
    await submit('line-a', 'URGENT'),
  ];
  const b = [await submit('line-b', 'NORMAL'), await submit('line-b', 'NORMAL')];
  const scheduled = await yard.tasks.submit(submission(userId, { model: 'line-a', startAt: soon() }), 'VIP');
  const all = [...a, ...b, scheduled.taskId];
  const positions = await yard.tasks.queuePositions(all);
  expect(a.map((id) => positions.get(id))).toEqual([3, 2, 1]);
  expect(b.map((id) => positions.get(id))).toEqual([1, 2]);
  expect(positions.has(scheduled.taskId)).toBe(false);
  expect((await yard.tasks.queuePositions(a.slice(0, 1))).get(a[0] ?? '')).toBe(3);
  expect(await yard.tasks.queuePositions([])).toEqual(new Map());
  await drain(yard);
  await yard.tasks.cancel(scheduled.taskId);
});

test('tasks that were submitted together have positions of their own', async () => {
  const yard = open();
  await yard.addNode({ models: ['together'], slots: 50 });
  const userId = await yard.addUser();
  const submitted = await Promise.all(
    Array.from({ length: 50 }, () => yard.tasks.submit(submission(userId, { model: 'together' }), 'VIP')),
  );
  const positions = await yard.tasks.queuePositions(submitted.map(({ taskId }) => taskId));
  expect([...positions.values()].sort((x, y) => x - y)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  await drain(yard);
});
