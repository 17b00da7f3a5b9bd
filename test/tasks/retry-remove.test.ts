import { expect, test } from 'vitest';
import { InvalidStateError, NotFoundError } from '../../src/errors.ts';
import { newId } from '../../src/ids.ts';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import { claimOne, drain, failure, finish, submission, success, useYard } from '../support/yard.ts';

const open = useYard();

test('a failed task can be retried: all its tries, a new job, no error, and attempts that number on', async () => {
  const yard = open();
  await yard.addNode({ models: ['retried'] });
  const { taskId } = await yard.tasks.submit(
    submission(await yard.addUser(), { model: 'retried', maxAttempts: 1 }),
    'VIP',
  );
  const { jobId } = await yard.task(taskId);
  await finish(yard.tasks, failure(await claimOne(yard)));
  await yard.tasks.retry(taskId);
  const task = await yard.task(taskId);
  expect(task).toMatchObject({ status: 'QUEUED', version: 4, attempt: 1, finishedAt: null, startedAt: null });
  expect(task.jobId).not.toBe(jobId);
  expect((await yard.database.prisma.taskData.findUniqueOrThrow({ where: { taskId } })).error).toBeNull();
  await expectInvariants(yard.database);

  await finish(yard.tasks, failure(await claimOne(yard)));
  expect(await yard.task(taskId)).toMatchObject({ status: 'FAILED', attempt: 2 });
  await yard.tasks.retry(taskId);
  expect((await drain(yard)).map(({ lease }) => lease.attempt)).toEqual([3]);
  expect(await yard.task(taskId)).toMatchObject({ status: 'SUCCEEDED', attempt: 3, version: 9 });
  await expectAllDone(yard.database);
});

test('of many retries at once one is taken, and the others are told the state', async () => {
  const yard = open();
  await yard.addNode({ models: ['stampede'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'stampede' }), 'VIP');
  await yard.tasks.cancel(taskId);
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => yard.tasks.retry(taskId)));
  expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(1);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ status: 'QUEUED' });
  }
  await drain(yard);
  await expectAllDone(yard.database);
});

test('a task that succeeded, waits, is overdue or is not there cannot be retried', async () => {
  const yard = open();
  await yard.addNode({ models: ['not-retried'] });
  const userId = await yard.addUser();
  const submit = async (deadline: Date | null = null) =>
    (await yard.tasks.submit(submission(userId, { model: 'not-retried', deadline }), 'VIP')).taskId;
  const done = await submit();
  await expect(yard.tasks.retry(done)).rejects.toMatchObject({ status: 'QUEUED' });
  await drain(yard);
  await expect(yard.tasks.retry(done)).rejects.toThrow(InvalidStateError);
  const overdue = await submit(new Date(Date.now() - 1000));
  await drain(yard);
  await expect(yard.tasks.retry(overdue)).rejects.toThrow('deadline');
  await expect(yard.tasks.retry(newId())).rejects.toThrow(NotFoundError);
});

test('a task that has ended can be deleted with all that is its own, and its key used again', async () => {
  const yard = open();
  await yard.addNode({ models: ['deleted'] });
  const userId = await yard.addUser();
  const keyed = submission(userId, { model: 'deleted', idempotencyKey: 'k' });
  const { taskId } = await yard.tasks.submit(keyed, 'VIP');
  await expect(yard.tasks.remove(taskId)).rejects.toMatchObject({ status: 'QUEUED' });
  await finish(yard.tasks, success(await claimOne(yard)));
  await yard.tasks.remove(taskId);
  await expect(yard.tasks.remove(taskId)).rejects.toThrow(NotFoundError);
  const left = await yard.sql(
    `SELECT task_id FROM task_event WHERE task_id = $1 UNION ALL SELECT task_id FROM task_attempt WHERE task_id = $1
     UNION ALL SELECT task_id FROM task_data WHERE task_id = $1`,
    [taskId],
  );
  expect(left).toEqual([]);
  expect((await yard.tasks.submit(keyed, 'VIP')).existing).toBe(false);
  await drain(yard);
  await expectAllDone(yard.database);
});

test('a deleted task whose call was abandoned gives its slot back all the same', async () => {
  const yard = open();
  await yard.addNode({ models: ['abandoned'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'abandoned' }), 'VIP');
  const claimed = await claimOne(yard);
  await yard.tasks.cancel(taskId);
  await yard.tasks.remove(taskId);
  expect(await yard.tasks.settle(success(claimed))).toBe('stale');
  expect(await yard.tasks.settle(failure(claimed))).toBe('stale');
  await expectInvariants(yard.database);
  await yard.tasks.freeSlot(claimed.lease, { gpuMs: 1 });
  await expectAllDone(yard.database);
});
