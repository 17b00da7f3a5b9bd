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

async function running(model: string) {
  const yard = open();
  await yard.addNode({ models: [model] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model }), 'VIP');
  const claimed = await claimOne(yard);
  const text = async () => (await yard.tasks.texts([taskId])).get(taskId);
  const rows = () => yard.sql('SELECT 1 FROM task_text WHERE task_id = $1', [taskId]);
  const write = async (piece: string, { lease } = claimed) => {
    const heard = announced(yard, taskId);
    yard.tasks.writeText(lease, piece);
    await heard;
  };
  return { yard, taskId, claimed, text, rows, write };
}

test('a text grows piece by piece for whoever asks, bumps no version, and is gone with its attempt', async () => {
  const { yard, taskId, claimed, text, rows, write } = await running('texts');
  const before = await yard.task(taskId);
  expect(await text()).toBeUndefined();
  await write('Once');
  expect(await text()).toBe('Once');
  yard.tasks.writeText(claimed.lease, ' upon');
  await write(' a time');
  expect(await text()).toBe('Once upon a time');
  const other = await yard.another();
  expect((await other.tasks.texts([taskId])).get(taskId)).toBe('Once upon a time');
  expect(await yard.task(taskId)).toEqual({ ...before, updatedAt: expect.any(Date) });
  await finish(yard.tasks, success(claimed));
  yard.tasks.endText(claimed.lease);
  expect(await text()).toBeUndefined();
  expect(await rows()).toEqual([]);
});

test('many pieces are written together, and what is written late is of no effect', async () => {
  const { yard, taskId, claimed, text, write } = await running('texts-late');
  let announcements = 0;
  const deafen = yard.carrier.listen((heard) => {
    if (heard.type === 'task' && heard.id === taskId) announcements++;
  });
  await write('0');
  for (let n = 1; n < 100; n++) yard.tasks.writeText(claimed.lease, `,${n}`);
  await write(',100');
  deafen();
  expect(announcements).toBe(2);
  expect(await text()).toMatch(/^0,1,2,.*,99,100$/);
  await finish(yard.tasks, success(claimed));
  yard.tasks.writeText(claimed.lease, ', and more');
  yard.tasks.endText(claimed.lease);
  expect(await text()).toBeUndefined();
});

test('an attempt that failed takes its text along: the next one starts anew', async () => {
  const { yard, claimed, text, rows, write } = await running('texts-again');
  await write('It was a dark');
  await finish(yard.tasks, failure(claimed, { retryAfterMs: 0 }));
  expect(await text()).toBeUndefined();
  expect(await rows()).toEqual([]);
  const again = await claimOne(yard);
  await write('Call me', again);
  expect(await text()).toBe('Call me');
  // The late voice of an attempt that is over.
  yard.tasks.writeText({ ...claimed.lease }, ' and stormy');
  await write(' Ishmael', again);
  expect(await text()).toBe('Call me Ishmael');
  await finish(yard.tasks, success(again));
});

test('only so much of a text is shown, and only what PostgreSQL can keep', async () => {
  const { yard, claimed, text, write } = await running('texts-long');
  await write(`${'x'.repeat(65_535)}🦊 and more`);
  expect(await text()).toBe(`${'x'.repeat(65_535)}\uFFFD`);
  await finish(yard.tasks, success(claimed));
  yard.tasks.endText(claimed.lease);
});
