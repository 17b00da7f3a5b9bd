import { expect, test } from 'vitest';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import {
  claimOne,
  drain,
  finish,
  type Process,
  submission,
  success,
  useYard,
  type Yard,
} from '../support/yard.ts';

const open = useYard();

/** A process of which nothing is heard any more. */
async function kill(yard: Yard, { workerId }: Process): Promise<void> {
  await yard.sql(`UPDATE worker SET lease_until = now() - interval '1 ms' WHERE id = $1`, [workerId]);
}

test('the tasks of a lost worker run again elsewhere, and its own late answers change nothing', async () => {
  const yard = open();
  const lost = await yard.another();
  await yard.addNode({ models: ['lost'], slots: 5 });
  const userId = await yard.addUser();
  await Promise.all(
    Array.from({ length: 5 }, () => yard.tasks.submit(submission(userId, { model: 'lost' }), 'VIP')),
  );
  const claimed = await lost.tasks.claim({ workerId: lost.workerId, limit: 10 });
  expect(claimed.length).toBe(5);
  expect(await yard.tasks.sweep()).toBe(0);
  await kill(yard, lost);
  expect(await yard.tasks.sweep()).toBe(5);
  await expectInvariants(yard.database);
  expect(await lost.tasks.renew(lost.workerId)).toBe(false);
  expect(await lost.tasks.settle(success(claimed[0] ?? (await claimOne(lost))))).toBe('stale');

  const again = await drain(yard);
  expect(again.map(({ lease }) => lease.attempt)).toEqual([2, 2, 2, 2, 2]);
  for (const one of claimed) expect(await finish(lost.tasks, success(one))).toBe('stale');
  const attempts = await yard.database.prisma.taskAttempt.findMany({ where: { workerId: lost.workerId } });
  expect(new Set(attempts.map(({ outcome }) => outcome))).toEqual(new Set(['WORKER_LOST']));
  await expectAllDone(yard.database);
});

test('a task whose last try was on a lost worker fails, and says so', async () => {
  const yard = open();
  const lost = await yard.another();
  await yard.addNode({ models: ['last'] });
  const { taskId } = await yard.tasks.submit(
    submission(await yard.addUser(), { model: 'last', maxAttempts: 1 }),
    'VIP',
  );
  await claimOne(lost);
  await kill(yard, lost);
  await yard.tasks.sweep();
  expect(await yard.task(taskId)).toMatchObject({ status: 'FAILED', attempt: 1 });
  const { error } = await yard.database.prisma.taskData.findUniqueOrThrow({ where: { taskId } });
  expect(error).toMatchObject({ code: 'WORKER_LOST', attempt: 1 });
  await expectAllDone(yard.database);
});

test('a node that does not notice a lost worker is left alone for as long as the attempt was expected to take', async () => {
  const yard = open();
  const lost = await yard.another();
  const nodeId = await yard.addNode({ models: ['deaf'], protocol: 'qwen-image-gguf' });
  const input = { prompt: 'a fox', width: 1000, height: 1000, steps: 100, count: 1 };
  await yard.tasks.submit(submission(await yard.addUser(), { model: 'deaf', input }), 'VIP');
  const claimed = await claimOne(lost);
  expect(claimed.cost).toBe(100);
  await kill(yard, lost);
  await yard.tasks.sweep();
  const [slot] = await yard.sql<{ taskId: string | null; seconds: number }>(
    `SELECT task_id AS "taskId", extract(epoch FROM held_until - leased_at)::float8 AS seconds FROM slot WHERE node_id = $1`,
    [nodeId],
  );
  expect(slot?.taskId).toBeNull();
  expect(slot?.seconds).toBeCloseTo(50, 3);
  expect(await yard.tasks.claim({ workerId: yard.workerId, limit: 1 })).toEqual([]);
  await yard.sql('UPDATE slot SET held_until = NULL WHERE node_id = $1', [nodeId]);
  await drain(yard);
  await expectAllDone(yard.database);
});

test('the measured time of a model on its node decides how long it is left alone', async () => {
  const yard = open();
  const lost = await yard.another();
  const nodeId = await yard.addNode({ models: ['measured'], protocol: 'qwen-image-gguf' });
  await yard.sql(
    `INSERT INTO run_estimate (node_id, kind, model, samples, recent)
     VALUES ($1, 'TEXT_TO_IMAGE', 'measured', 11, '{1,1,1,1,1,1,1,1,1,3,3}')`,
    [nodeId],
  );
  const input = { prompt: 'a fox', width: 1000, height: 1000, steps: 10, count: 1 };
  await yard.tasks.submit(submission(await yard.addUser(), { model: 'measured', input }), 'VIP');
  await claimOne(lost);
  await kill(yard, lost);
  await yard.tasks.sweep();
  const [slot] = await yard.sql<{ seconds: number }>(
    'SELECT extract(epoch FROM held_until - leased_at)::float8 AS seconds FROM slot WHERE node_id = $1',
    [nodeId],
  );
  expect(slot?.seconds).toBeCloseTo(30, 3);
  await yard.sql('UPDATE slot SET held_until = NULL WHERE node_id = $1', [nodeId]);
  await drain(yard);
});

test('a slot that a lost worker still had to give back after a cancel is free again', async () => {
  const yard = open();
  const lost = await yard.another();
  await yard.addNode({ models: ['held'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'held' }), 'VIP');
  await claimOne(lost);
  await yard.tasks.cancel(taskId);
  await kill(yard, lost);
  expect(await yard.tasks.sweep()).toBe(0);
  await expectAllDone(yard.database);
});

test('an attempt that nobody settles long after its timeout is taken from a worker that lives', async () => {
  const yard = open();
  await yard.addNode({ models: ['forgotten'] });
  const { taskId } = await yard.tasks.submit(
    submission(await yard.addUser(), { model: 'forgotten', timeoutMs: 1000 }),
    'VIP',
  );
  const claimed = await claimOne(yard);
  await yard.sql(
    `UPDATE task_attempt SET started_at = started_at - interval '62 seconds' WHERE task_id = $1`,
    [taskId],
  );
  await yard.sql(
    `UPDATE slot SET leased_at = leased_at - interval '62 seconds', held_until = held_until - interval '62 seconds'
     WHERE task_id = $1`,
    [taskId],
  );
  expect(await yard.tasks.sweep()).toBe(1);
  expect(await finish(yard.tasks, success(claimed))).toBe('stale');
  expect(await yard.task(taskId)).toMatchObject({ status: 'QUEUED' });
  await drain(yard);
  await expectAllDone(yard.database);
});

test('a worker that leaves gives back at once what it still had', async () => {
  const yard = open();
  const leaving = await yard.another();
  await yard.addNode({ models: ['left'] });
  await yard.tasks.submit(submission(await yard.addUser(), { model: 'left' }), 'VIP');
  await claimOne(leaving);
  expect(await leaving.tasks.renew(leaving.workerId)).toBe(true);
  await leaving.tasks.leave(leaving.workerId);
  expect(await leaving.tasks.renew(leaving.workerId)).toBe(false);
  expect(await yard.tasks.sweep()).toBe(1);
  await drain(yard);
  const idle = await yard.tasks.join({ host: 'test', pid: 1, concurrency: 1 });
  await yard.tasks.leave(idle);
  expect(await yard.database.prisma.worker.findUnique({ where: { id: idle } })).toBeNull();
  await expectAllDone(yard.database);
});

test('queued tasks whose jobs somebody deleted are given new ones', async () => {
  const yard = open();
  await yard.addNode({ models: ['repaired'], slots: 3 });
  const userId = await yard.addUser();
  const submit = () => yard.tasks.submit(submission(userId, { model: 'repaired' }), 'VIP');
  await Promise.all([submit(), submit(), submit()]);
  const { name } = await yard.queue.ensure('TEXT_TO_IMAGE', 'repaired');
  await yard.sql('DELETE FROM pgboss.job_common WHERE name = $1', [name]);
  expect(await yard.tasks.repair('suspects')).toBe(3);
  expect(await yard.tasks.repair('suspects')).toBe(0);
  expect((await drain(yard)).length).toBe(3);
  await expectAllDone(yard.database);
});

test('queued tasks without a job are found everywhere where foreign jobs hide them from the counts', async () => {
  const yard = open();
  await yard.addNode({ models: ['hidden'] });
  const userId = await yard.addUser();
  const submit = () => yard.tasks.submit(submission(userId, { model: 'hidden' }), 'VIP');
  await Promise.all([submit(), submit()]);
  const { name } = await yard.queue.ensure('TEXT_TO_IMAGE', 'hidden');
  await yard.sql('UPDATE pgboss.job_common SET id = gen_random_uuid() WHERE name = $1', [name]);
  expect(await yard.tasks.repair('suspects')).toBe(0);
  expect(await yard.tasks.repair('everywhere')).toBe(2);
  await yard.sql(
    `DELETE FROM pgboss.job_common j WHERE name = $1 AND NOT EXISTS (
    SELECT FROM task WHERE job_id = j.id)`,
    [name],
  );
  await drain(yard);
  await expectAllDone(yard.database);
});

test('a server that owns its data alone takes what its dead predecessor held, without waiting', async () => {
  const yard = open();
  const dead = await yard.another();
  await yard.addNode({ models: ['predecessor'] });
  await yard.tasks.submit(submission(await yard.addUser(), { model: 'predecessor' }), 'VIP');
  await claimOne(dead);
  await yard.tasks.takePredecessors();
  expect(await yard.tasks.sweep()).toBe(1);
  const workerId = await yard.tasks.join({ host: 'test', pid: 1, concurrency: 1 });
  await drain({ ...yard, workerId });
  await expectAllDone(yard.database);
});
