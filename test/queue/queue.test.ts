import { expect, test } from 'vitest';
import { newId, randomId } from '../../src/ids.ts';
import type { NewJob, Queue } from '../../src/queue/index.ts';
import { bossName } from '../../src/queue/names.ts';
import { useYard } from '../support/yard.ts';

const open = useYard();

const job = (priority = 0): NewJob => ({
  id: randomId(),
  taskId: newId(),
  userId: newId(),
  cost: 2,
  taskPriority: 'NORMAL',
  priority,
});

async function insert(queue: Queue, model: string, jobs: readonly NewJob[]) {
  const yard = open();
  const row = await queue.ensure('TEXT_TO_IMAGE', model);
  await yard.database.lanes.transact(async (tx) => (await queue.insert(tx, row, jobs)).answer);
  return row;
}

test('a queue has a name that pg-boss takes, whatever its model is called, and another for each model', () => {
  const models = ['qwen2.5:7b', 'qwen2.5-7b', 'a b', 'ä/ö', 'x'.repeat(500), 'm'];
  const names = models.map((model) => bossName('TEXT_TO_IMAGE', model));
  expect(new Set(names).size).toBe(models.length);
  for (const name of names) expect(name).toMatch(/^[\w./-]{1,120}$/);
});

test('a queue is made once, by however many ask at once', async () => {
  const yard = open();
  const other = await yard.another();
  const rows = await Promise.all(
    [yard.queue, other.queue, yard.queue, other.queue].map((queue) =>
      queue.ensure('SPEECH_TO_TEXT', 'whisper:large'),
    ),
  );
  expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
  expect(await other.queue.get(rows[0]?.id ?? '')).toEqual(rows[0]);
  await expect(yard.queue.get(newId())).rejects.toThrow('there is no queue');
});

test('the jobs that are taken are those that are named, of several queues, and due', async () => {
  const { queue, database } = open();
  const [first, second, later, gone] = [job(1), job(3), job(2), job(2)];
  const row = await insert(queue, 'named', [first, later, gone]);
  const other = await insert(queue, 'named too', [second]);
  const { transact } = database.lanes;
  await transact(async (tx) => {
    await queue.delay(tx, row, later.id, 60);
    await queue.cancel(tx, row, [gone.id]);
  });
  const keys = [first, later, gone, job()].map(({ id }) => ({ queue: row, id }));
  const taken = await transact((tx) => queue.take(tx, [...keys, { queue: other, id: second.id }]));
  const expected = [first, second].map(({ id, taskId, priority, taskPriority }) => ({
    id,
    taskId,
    taskPriority,
    priority,
    retryCount: 0,
    trace: null,
  }));
  expect(taken.toSorted((a, b) => a.priority - b.priority)).toEqual(expected);
  expect(await transact((tx) => queue.take(tx, keys))).toEqual([]);
});

test('an id that was used before is an error, and rolls back all that came with it', async () => {
  const { queue, database } = open();
  const used = job();
  const row = await insert(queue, 'used', [used]);
  const again = database.lanes.transact(async (tx) => (await queue.insert(tx, row, [used, job()])).answer);
  await expect(again).rejects.toThrow('1 of 2 jobs');
  const heads = await database.lanes.transact((tx) => queue.heads(tx, 10));
  expect(heads.filter((head) => head.queue.id === row.id).length).toBe(1);
});

test('what is sent behind a call of pg-boss comes after it', async () => {
  const { queue, database } = open();
  const one = job();
  const row = await queue.ensure('TEXT_TO_IMAGE', 'sent');
  const found = await database.lanes.transact(async (tx) => {
    await queue.insert(tx, row, [one]);
    return tx.query('SELECT id FROM pgboss.job_common WHERE id = $1', [one.id]);
  });
  expect(found).toEqual([{ id: one.id }]);
});

test('a job that failed comes back with its place, after its delay, and the attempt before it is void', async () => {
  const { queue, database } = open();
  const [first, second] = [job(2), job(1)];
  const row = await insert(queue, 'fenced', [first, second]);
  const { transact } = database.lanes;
  const fetchOne = async () => {
    const waiting = [first, second].map(({ id }) => ({ queue: row, id }));
    const [head] = (await transact((tx) => queue.heads(tx, 1))).filter((one) => one.queue.id === row.id);
    const [fetched] = await transact((tx) =>
      queue.take(
        tx,
        waiting.filter(({ id }) => id === head?.jobId),
      ),
    );
    if (!fetched) throw new Error('there is no job');
    return fetched;
  };
  const before = await fetchOne();
  expect(await transact(async (tx) => (await queue.fail(tx, row, [before])).answer)).toEqual([first.id]);
  await transact(async (tx) => (await queue.delay(tx, row, first.id, 60)).answer);
  expect((await fetchOne()).id).toBe(second.id);
  await transact(async (tx) => (await queue.delay(tx, row, first.id, 0)).answer);
  const after = await fetchOne();
  expect(after).toEqual({ ...before, retryCount: before.retryCount + 1 });
  expect(await transact(async (tx) => (await queue.complete(tx, row, [before])).answer)).toEqual([]);
  expect(await transact(async (tx) => (await queue.complete(tx, row, [after])).answer)).toEqual([first.id]);
  expect(await transact(async (tx) => (await queue.cancel(tx, row, [first.id, second.id])).answer)).toEqual([
    second.id,
  ]);
});

test('a job that somebody has locked is not waited for', async () => {
  const { queue, database } = open();
  const jobs = [job(), job()];
  const row = await insert(queue, 'locked', jobs);
  const keys = jobs.map(({ id }) => ({ queue: row, id }));
  await database.lanes.transact(async (tx) => {
    expect((await queue.lock(tx, keys.slice(0, 1))).length).toBe(1);
    const others = await database.lanes.transact((second) => queue.lock(second, keys));
    expect(others).toEqual([{ id: jobs[1]?.id, retryCount: 0, isLive: true }]);
  });
});

test('waiting jobs are kept for ever, and finished ones are cleared away', async () => {
  const yard = open();
  const [waiting, done] = [job(1), job(2)];
  const row = await insert(yard.queue, 'cleared', [waiting, done]);
  const transact = yard.database.lanes.transact;
  const fetched = await transact((tx) => yard.queue.take(tx, [{ queue: row, id: done.id }]));
  await transact(async (tx) => (await yard.queue.complete(tx, row, fetched)).answer);
  await yard.sql(
    `UPDATE pgboss.job_common SET created_on = now() - interval '60 days', start_after = now() - interval '60 days',
       completed_on = completed_on - interval '1 hour' WHERE name = $1`,
    [row.name],
  );
  await yard.queue.maintain();
  const left = await yard.sql<{ id: string }>('SELECT id FROM pgboss.job_common WHERE name = $1', [row.name]);
  expect(left).toEqual([{ id: waiting.id }]);
});
