import { expect, test } from 'vitest';
import { claimOne, failure, finish, type Process, submission, success, useYard } from '../support/yard.ts';

const open = useYard();

/** Resolves when the task was announced again. */
function announced({ carrier }: Process, taskId: string): Promise<void> {
  return new Promise((resolve) => {
    const deafen = carrier.listen((heard) => {
      if (heard.type !== 'task' || heard.id !== taskId) return;
      deafen();
      resolve();
    });
  });
}

test('progress is shown and announced, bumps no version, never falls, and ends with its attempt', async () => {
  const yard = open();
  await yard.addNode({ models: ['progress'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'progress' }), 'VIP');
  const claimed = await claimOne(yard);
  const tell = async (value: number | null, message?: string) => {
    const heard = announced(yard, taskId);
    yard.tasks.reportProgress(claimed.lease, value, message);
    await heard;
    return yard.task(taskId);
  };
  expect(await tell(0.25, 'drawing')).toMatchObject({
    progress: 0.25,
    progressMessage: 'drawing',
    version: 2,
  });
  expect(await tell(0.125, 'tiling')).toMatchObject({ progress: 0.25, progressMessage: 'tiling' });
  expect(await tell(null, 'resting')).toMatchObject({
    progress: 0.25,
    progressMessage: 'resting',
    version: 2,
  });
  expect(await tell(0.5)).toMatchObject({ progress: 0.5, progressMessage: 'resting' });
  await finish(yard.tasks, success(claimed));
  expect(await yard.task(taskId)).toMatchObject({ progress: 1, version: 3 });
});

test('what says nothing new, or is no share, is no change', async () => {
  const yard = open();
  const other = await yard.another();
  await yard.addNode({ models: ['same'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'same' }), 'VIP');
  const claimed = await claimOne(yard);
  const tell = async (value: number | null, message?: string) => {
    other.tasks.reportProgress(claimed.lease, value, message);
    await other.tasks.close();
    return yard.task(taskId);
  };
  expect(await tell(Number.NaN)).toMatchObject({ progress: null });
  expect(await tell(1.5)).toMatchObject({ progress: null });
  const half = await tell(0.5, 'drawing');
  expect(half).toMatchObject({ progress: 0.5, progressMessage: 'drawing' });
  for (const [value, message] of [[0.5], [0.25], [null], [0.5, 'drawing']] as const) {
    expect(await tell(value, message)).toEqual(half);
  }
  await finish(yard.tasks, failure(claimed, { retryAfterMs: 0 }));
  expect(await yard.task(taskId)).toMatchObject({ status: 'QUEUED', progress: null, progressMessage: null });
  const again = await claimOne(yard);
  other.tasks.reportProgress(again.lease, 0.125, 'drawing');
  await other.tasks.close();
  expect(await yard.task(taskId)).toMatchObject({ attempt: 2, progress: 0.125, progressMessage: 'drawing' });
  await finish(yard.tasks, success(again));
  expect(await yard.task(taskId)).toMatchObject({ progress: 1, progressMessage: null });
});

test('progress is shown while somebody refers to its task', async () => {
  const yard = open();
  const other = await yard.another();
  await yard.addNode({ models: ['referred'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'referred' }), 'VIP');
  const claimed = await claimOne(yard);
  await yard.database.lanes.transact(async (tx) => {
    await tx.query('SELECT FROM task WHERE id = $1 FOR KEY SHARE', [taskId]);
    other.tasks.reportProgress(claimed.lease, 0.5);
    await other.tasks.close();
  });
  expect(await yard.task(taskId)).toMatchObject({ progress: 0.5 });
  await finish(yard.tasks, success(claimed));
});

test('of progress that comes faster than it is written the latest counts, and of a lost attempt none', async () => {
  const yard = open();
  const other = await yard.another();
  await yard.addNode({ models: ['fast'], slots: 2 });
  const userId = await yard.addUser();
  const { taskId } = await yard.tasks.submit(submission(userId, { model: 'fast' }), 'VIP');
  const claimed = await claimOne(yard);
  for (let n = 1; n <= 64; n++) other.tasks.reportProgress(claimed.lease, n / 64);
  other.tasks.reportProgress({ ...claimed.lease, attempt: 2 }, 0.1);
  await other.tasks.close();
  expect(await yard.task(taskId)).toMatchObject({ progress: null });
  for (let n = 1; n <= 64; n++) other.tasks.reportProgress(claimed.lease, n / 128);
  await other.tasks.close();
  expect(await yard.task(taskId)).toMatchObject({ progress: 0.5 });
  await finish(yard.tasks, success(claimed));
});
