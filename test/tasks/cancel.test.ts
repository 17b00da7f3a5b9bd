import { expect, test } from 'vitest';
import { InvalidStateError, NotFoundError } from '../../src/errors.ts';
import { newId } from '../../src/ids.ts';
import type { Claimed, Tasks } from '../../src/tasks/index.ts';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import {
  claimOne,
  drain,
  failure,
  finish,
  openYard,
  type Process,
  submission,
  success,
  useYard,
} from '../support/yard.ts';

// A machine that has much else to do is slow to answer.
const open = useYard({ config: { stopWaitMs: 10_000 } });

/** A worker that is told to stop, and says what became of the call. */
function answerCancels(
  { carrier, tasks, workerId }: Process,
  claimed: Claimed,
  isStopped: boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const deafen = carrier.listen((heard) => {
      if (heard.type !== 'cancel' || heard.taskId !== claimed.lease.taskId) return;
      expect(heard).toMatchObject({ attempt: claimed.lease.attempt, workerId });
      deafen();
      tasks.stopped(claimed.lease, isStopped).then(resolve, reject);
    });
  });
}

const outcome = async (tasks: Tasks, taskId: string) => (await tasks.cancel(taskId)).outcome;

test('a task that waits is taken out of its queue and never runs', async () => {
  const yard = open();
  await yard.addNode({ models: ['waiting'] });
  const userId = await yard.addUser();
  const submit = (startAt: Date | null) =>
    yard.tasks.submit(submission(userId, { model: 'waiting', startAt }), 'VIP');
  for (const startAt of [null, new Date(Date.now() + 60_000)]) {
    const { taskId } = await submit(startAt);
    expect(await outcome(yard.tasks, taskId)).toBe('REMOVED_FROM_QUEUE');
    expect(await yard.task(taskId)).toMatchObject({ status: 'CANCELED', version: 2, jobId: null });
    expect(await outcome(yard.tasks, taskId)).toBe('REMOVED_FROM_QUEUE');
    expect(await yard.task(taskId)).toMatchObject({ version: 2 });
  }
  expect(await drain(yard)).toEqual([]);
  await expectAllDone(yard.database);
});

test('a task in back-off can be canceled', async () => {
  const yard = open();
  await yard.addNode({ models: ['backoff'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'backoff' }), 'VIP');
  await finish(yard.tasks, failure(await claimOne(yard), { retryAfterMs: 60_000 }));
  expect(await outcome(yard.tasks, taskId)).toBe('REMOVED_FROM_QUEUE');
  await expectAllDone(yard.database);
});

test('whoever runs a canceled task is told, in whichever process, and its answer is dropped', async () => {
  const yard = open();
  const other = await yard.another();
  await yard.addNode({ models: ['running'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'running' }), 'VIP');
  const claimed = await claimOne(other);
  const told = answerCancels(other, claimed, true);
  expect(await outcome(yard.tasks, taskId)).toBe('STOPPED_ON_NODE');
  await told;
  expect(await other.tasks.settle(success(claimed))).toBe('stale');
  const task = await yard.task(taskId);
  expect(task).toMatchObject({ status: 'CANCELED', version: 3, jobId: null });
  await expectInvariants(yard.database);
  expect(await outcome(yard.tasks, taskId)).toBe('STOPPED_ON_NODE');

  await other.tasks.freeSlot(claimed.lease, { gpuMs: 4321 });
  expect(await yard.task(taskId)).toMatchObject({ gpuMs: 4321n });
  await expectAllDone(yard.database);
});

test('a node that cannot stop keeps the slot until its worker gives it back', async () => {
  const yard = open();
  await yard.addNode({ models: ['stubborn'] });
  const userId = await yard.addUser();
  const { taskId } = await yard.tasks.submit(submission(userId, { model: 'stubborn' }), 'VIP');
  await yard.tasks.submit(submission(userId, { model: 'stubborn' }), 'VIP');
  const claimed = await claimOne(yard);
  const told = answerCancels(yard, claimed, false);
  expect(await outcome(yard.tasks, taskId)).toBe('ABANDONED');
  await told;
  expect(await yard.tasks.claim({ workerId: yard.workerId, limit: 1 })).toEqual([]);
  await yard.tasks.freeSlot(claimed.lease, { gpuMs: 10 });
  expect((await drain(yard)).length).toBe(1);
  await expectAllDone(yard.database);
});

test('a cancel that hears nothing answers all the same, that the call is abandoned', async () => {
  await using yard = await openYard();
  await yard.addNode({ models: ['mute'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'mute' }), 'VIP');
  const claimed = await claimOne(yard);
  expect(await outcome(yard.tasks, taskId)).toBe('ABANDONED');
  await yard.tasks.stopped(claimed.lease, true);
  expect(await outcome(yard.tasks, taskId)).toBe('STOPPED_ON_NODE');
  await yard.tasks.freeSlot(claimed.lease, { gpuMs: 10 });
});

test('a task that was canceled as it ran, and again as it waited, was removed from its queue', async () => {
  const yard = open();
  await yard.addNode({ models: ['twice'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'twice' }), 'VIP');
  const claimed = await claimOne(yard);
  void answerCancels(yard, claimed, true);
  expect(await outcome(yard.tasks, taskId)).toBe('STOPPED_ON_NODE');
  await yard.tasks.retry(taskId);
  expect(await outcome(yard.tasks, taskId)).toBe('REMOVED_FROM_QUEUE');
  expect(await outcome(yard.tasks, taskId)).toBe('REMOVED_FROM_QUEUE');
  await yard.tasks.freeSlot(claimed.lease, { gpuMs: 10 });
  await expectAllDone(yard.database);
});

test('a task that has succeeded or failed, or that there is not, cannot be canceled', async () => {
  const yard = open();
  await yard.addNode({ models: ['over'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'over' }), 'VIP');
  await finish(yard.tasks, success(await claimOne(yard)));
  const refused = yard.tasks.cancel(taskId);
  await expect(refused).rejects.toThrow(InvalidStateError);
  await expect(refused).rejects.toMatchObject({ status: 'SUCCEEDED' });
  await expect(yard.tasks.cancel(newId())).rejects.toThrow(NotFoundError);
});

test('a queued task that has lost its job can be canceled all the same', async () => {
  const yard = open();
  await yard.addNode({ models: ['jobless'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'jobless' }), 'VIP');
  await yard.sql('DELETE FROM pgboss.job_common WHERE id = (SELECT job_id FROM task WHERE id = $1)', [
    taskId,
  ]);
  expect(await outcome(yard.tasks, taskId)).toBe('REMOVED_FROM_QUEUE');
  await expectAllDone(yard.database);
});
