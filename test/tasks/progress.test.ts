import { expect, test } from 'vitest';
import { claimOne, finish, type Process, submission, success, useYard } from '../support/yard.ts';

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
  expect(await tell(0.125)).toMatchObject({ progress: 0.25, progressMessage: 'drawing' });
  expect(await tell(null, 'resting')).toMatchObject({
    progress: 0.25,
    progressMessage: 'resting',
    version: 2,
  });
  expect(await tell(0.5)).toMatchObject({ progress: 0.5, progressMessage: 'resting' });
  await finish(yard.tasks, success(claimed));
  expect(await yard.task(taskId)).toMatchObject({ progress: 1, version: 3 });
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
