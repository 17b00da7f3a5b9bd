import { expect, test } from 'vitest';
import { expectAllDone } from '../support/invariants.ts';
import { claimOne, openYard, submission, success } from '../support/yard.ts';

test('a task is submitted, claimed and settled, with an event, a version and counts for each step', async () => {
  await using yard = await openYard();
  const userId = await yard.addUser();
  const nodeId = await yard.addNode();
  const { taskId, existing } = await yard.tasks.submit(submission(userId, { labels: { a: 'b' } }), 'VIP');
  expect(existing).toBe(false);
  expect(await yard.task(taskId)).toMatchObject({ status: 'QUEUED', version: 1, attempt: 0, model: 'fox' });

  const claimed = await claimOne(yard);
  expect(claimed).toMatchObject({ kind: 'TEXT_TO_IMAGE', model: 'fox', userId, timeoutMs: 120_000 });
  expect(claimed.lease).toMatchObject({ taskId, attempt: 1, nodeId, epoch: 1 });
  expect(claimed.input).toEqual({ prompt: 'a fox', count: 1 });
  expect(await yard.task(taskId)).toMatchObject({
    status: 'RUNNING',
    version: 2,
    attempt: 1,
    nodeId,
    progress: null,
  });
  expect(await yard.tasks.claim({ workerId: yard.workerId, limit: 10 })).toEqual([]);

  await yard.tasks.freeSlot(claimed.lease, { gpuMs: 100 });
  expect(await yard.tasks.settle(success(claimed))).toBe('settled');
  expect(await yard.tasks.settle(success(claimed))).toBe('stale');
  const task = await yard.task(taskId);
  expect(task).toMatchObject({
    status: 'SUCCEEDED',
    version: 3,
    attempt: 1,
    gpuMs: 100n,
    jobId: null,
    progress: 1,
  });
  expect(task.finishedAt).not.toBeNull();
  const data = await yard.database.prisma.taskData.findUniqueOrThrow({ where: { taskId } });
  expect(data).toMatchObject({ result: { images: ['x'] }, error: null, labels: { a: 'b' } });
  const events = await yard.database.prisma.taskEvent.findMany({
    where: { taskId },
    orderBy: { version: 'asc' },
  });
  expect(events.map(({ version, type, attempt }) => [version, type, attempt])).toEqual([
    [1, 'SUBMITTED', 0],
    [2, 'STARTED', 1],
    [3, 'SUCCEEDED', 1],
  ]);
  await expectAllDone(yard.database);
});
