import { expect, test } from 'vitest';
import { readPins } from '../../src/tasks/remote-jobs.ts';
import { expectAllDone } from '../support/invariants.ts';
import {
  claimOne,
  drain,
  failure,
  finish,
  submission,
  success,
  useYard,
  type Yard,
} from '../support/yard.ts';

const open = useYard();

/** A task of that model, which runs on another process. */
async function start(yard: Yard, model: string, protocol = 'openai') {
  const other = await yard.another();
  const nodeId = await yard.addNode({ models: [model], protocol });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model }), 'VIP');
  return { other, nodeId, taskId, claimed: await claimOne(other) };
}

/** Nothing is heard of the process any more, and its attempts are swept. */
async function lose(yard: Yard, workerId: string): Promise<void> {
  await yard.sql(`UPDATE worker SET lease_until = now() - interval '1 ms' WHERE id = $1`, [workerId]);
  await yard.tasks.sweep();
}

const pinsOf = (yard: Yard, taskId: string) =>
  yard.database.lanes.transact((tx) => readPins(tx)).then((pins) => pins.get(taskId));

const rows = (yard: Yard, taskId: string) => yard.database.prisma.remoteJob.findMany({ where: { taskId } });

test('a job outlives its worker: the next attempt finds it on that node, and its end takes it away', async () => {
  const yard = open();
  const { tasks } = yard;
  const { other, nodeId, taskId, claimed } = await start(yard, 'kept');
  expect(await tasks.remoteJobs.mark(claimed.lease)).toBe(true);
  await tasks.remoteJobs.keep(claimed.lease, 'job-7');
  await lose(yard, other.workerId);
  expect(await yard.task(taskId)).toMatchObject({ status: 'QUEUED' });
  expect(await pinsOf(yard, taskId)).toBe(nodeId);
  // Its slot does not cool down: the node works for this very task.
  const next = await claimOne(yard);
  expect(await tasks.remoteJobs.find(next.lease)).toEqual({ handle: 'job-7', isOverdue: false });
  await yard.sql(`UPDATE remote_job SET at = now() - interval '1 day' WHERE task_id = $1`, [taskId]);
  expect(await tasks.remoteJobs.find(next.lease)).toEqual({ handle: 'job-7', isOverdue: true });
  await finish(tasks, success(next));
  expect(await rows(yard, taskId)).toEqual([]);
  await expectAllDone(yard.database);
});

test('a worker that is lost between the mark and the handle leaves its task failed, until it is retried', async () => {
  const yard = open();
  const { other, taskId, claimed } = await start(yard, 'marked');
  await other.tasks.remoteJobs.mark(claimed.lease);
  await lose(yard, other.workerId);
  expect(await yard.task(taskId)).toMatchObject({ status: 'FAILED', attempt: 1 });
  const { error } = await yard.database.prisma.taskData.findUniqueOrThrow({ where: { taskId } });
  expect(error).toMatchObject({
    code: 'WORKER_LOST',
    message: expect.stringMatching(/may have been submitted.* retryTask submits it, and pays for it, again/),
    retryable: false,
  });
  // Too late, and for nobody.
  await other.tasks.remoteJobs.keep(claimed.lease, 'late');
  expect(await other.tasks.remoteJobs.mark(claimed.lease)).toBe(false);
  expect(await rows(yard, taskId)).toEqual([]);

  await yard.sql('UPDATE slot SET held_until = NULL WHERE task_id IS NULL');
  await yard.tasks.retry(taskId);
  const [again] = await drain(yard);
  expect(again?.lease).toMatchObject({ taskId, attempt: 2 });
  await expectAllDone(yard.database);
});

test('an attempt that fails after it said it would submit is not tried again, unless it said that it did not', async () => {
  const yard = open();
  const { tasks } = yard;
  const { taskId, claimed } = await start(yard, 'refused');
  await tasks.remoteJobs.mark(claimed.lease);
  await tasks.remoteJobs.forget(claimed.lease);
  await finish(tasks, failure(claimed, { spendsAttempt: false, retryAfterMs: 0 }));
  const second = await claimOne(yard);
  await tasks.remoteJobs.mark(second.lease);
  await finish(tasks, failure(second, { spendsAttempt: false, retryAfterMs: 0 }));
  expect(await yard.task(taskId)).toMatchObject({ status: 'FAILED', attempt: 2 });
  await expectAllDone(yard.database);
});

test('a removed node holds no task, nor does an unhealthy one whose jobs end with it', async () => {
  const yard = open();
  const { nodeId, taskId, claimed } = await start(yard, 'removed');
  await yard.tasks.remoteJobs.keep(claimed.lease, 'job-8');
  await yard.database.prisma.gpuNode.update({ where: { id: nodeId }, data: { healthy: false } });
  expect(await pinsOf(yard, taskId)).toBe(undefined);
  await yard.database.prisma.gpuNode.update({ where: { id: nodeId }, data: { healthy: true } });
  expect(await pinsOf(yard, taskId)).toBe(nodeId);
  await yard.nodes.remove(nodeId);
  expect(await pinsOf(yard, taskId)).toBe(undefined);
  const elsewhere = { ...claimed.lease, nodeId: await yard.addNode({ models: ['removed'] }) };
  expect(await yard.tasks.remoteJobs.find(elsewhere)).toBe(null);
  await finish(yard.tasks, success(claimed));
  await expectAllDone(yard.database);
});

test('a node that drains, or offers something else by now, ends what it began, and takes nothing new', async () => {
  const yard = open();
  const { other, nodeId, taskId, claimed } = await start(yard, 'draining');
  await other.tasks.remoteJobs.keep(claimed.lease, 'job-9');
  await lose(yard, other.workerId);
  const { taskId: newcomer } = await yard.tasks.submit(
    submission(await yard.addUser(), { model: 'draining' }),
    'VIP',
  );
  await yard.nodes.update(nodeId, { offers: [{ kind: 'TEXT_TO_IMAGE', models: ['another'] }] });
  await yard.nodes.drain(nodeId);
  const next = await claimOne(yard);
  expect(next.lease).toMatchObject({ taskId, nodeId });
  await finish(yard.tasks, success(next));
  expect(await yard.tasks.claim({ workerId: yard.workerId, limit: 100 })).toEqual([]);
  await yard.addNode({ models: ['draining'] });
  const [last] = await drain(yard);
  expect(last?.lease.taskId).toBe(newcomer);
  await expectAllDone(yard.database);
});

test('a task whose job is on a node that drained for as long as it may runs elsewhere', async () => {
  const yard = open();
  const { other, nodeId, taskId, claimed } = await start(yard, 'drained', 'comfyui');
  await other.tasks.remoteJobs.keep(claimed.lease, 'job-10');
  await lose(yard, other.workerId);
  const elsewhere = await yard.addNode({ models: ['drained'] });
  await yard.nodes.drain(nodeId, 60_000);
  expect(await pinsOf(yard, taskId)).toBe(nodeId);
  await yard.sql('UPDATE gpu_node SET drain_until = now() WHERE id = $1', [nodeId]);
  const [next] = await drain(yard);
  expect(next?.lease).toMatchObject({ taskId, nodeId: elsewhere });
  await expectAllDone(yard.database);
});
