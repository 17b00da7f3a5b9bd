import { expect, test } from 'vitest';
import type { TaskPriority } from '../../src/database/index.ts';
import { newId, randomId } from '../../src/ids.ts';
import { type Claimed, WorkerLostError } from '../../src/tasks/index.ts';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import { claimOne, drain, finish, type Process, submission, success, useYard } from '../support/yard.ts';

const open = useYard();

test('three processes that claim at once never get a slot or a task twice', async () => {
  const yard = open();
  await yard.addNode({ models: ['race'], slots: 4 });
  await yard.addNode({ models: ['race'], slots: 4 });
  const userId = await yard.addUser();
  const submitted = await Promise.all(
    Array.from({ length: 150 }, () => yard.tasks.submit(submission(userId, { model: 'race' }), 'VIP')),
  );
  const claims: Claimed[] = [];
  const held = new Set<string>();
  let left = submitted.length;

  async function work({ tasks, workerId }: Process): Promise<void> {
    while (left > 0) {
      const claimed = await tasks.claim({ workerId, limit: 5 });
      left -= claimed.length;
      claims.push(...claimed);
      await Promise.all(
        claimed.map(async (one) => {
          const slot = `${one.lease.nodeId} ${one.lease.slotNo}`;
          expect(held.has(slot)).toBe(false);
          held.add(slot);
          tasks.reportProgress(one.lease, 0.5);
          await tasks.queuePositions([one.lease.taskId]);
          held.delete(slot);
          expect(await finish(tasks, success(one))).toBe('settled');
        }),
      );
    }
  }

  await Promise.all([yard, await yard.another(), await yard.another()].map(work));
  expect(new Set(claims.map(({ lease }) => lease.taskId)).size).toBe(150);
  expect(claims.length).toBe(150);
  await expectAllDone(yard.database);
});

test('one claim fills as many slots as there are, from one queue', async () => {
  const yard = open();
  const nodeId = await yard.addNode({ models: ['wide'], slots: 90 });
  const userId = await yard.addUser();
  const submit = () => yard.tasks.submit(submission(userId, { model: 'wide' }), 'VIP');
  await Promise.all(Array.from({ length: 91 }, submit));
  const claim = (limit: number) => yard.tasks.claim({ workerId: yard.workerId, limit });
  const claims = [await claim(1), await claim(200)];
  expect(claims.map(({ length }) => length)).toEqual([1, 89]);
  await Promise.all(claims.flat().map((one) => finish(yard.tasks, success(one))));
  expect((await drain(yard)).map(({ lease }) => lease.nodeId)).toEqual([nodeId]);
  await expectAllDone(yard.database);
});

test('tasks start by priority, and by age within it', async () => {
  const yard = open();
  const userId = await yard.addUser();
  const order: TaskPriority[] = ['LOW', 'NORMAL', 'URGENT', 'HIGH', 'NORMAL', 'URGENT', 'LOW'];
  await yard.addNode({ models: ['order'], slots: 1 });
  const ids: string[] = [];
  for (const priority of order) {
    ids.push((await yard.tasks.submit(submission(userId, { model: 'order', priority }), 'VIP')).taskId);
  }
  const started = (await drain(yard)).map(({ lease }) => ids.indexOf(lease.taskId));
  expect(started).toEqual([2, 5, 3, 1, 4, 0, 6]);
});

test('a task whose deadline has passed fails instead of starting, and the next one takes its slot', async () => {
  const yard = open();
  await yard.addNode({ models: ['late'], slots: 1 });
  const userId = await yard.addUser();
  const submit = (deadline: Date | null) =>
    yard.tasks.submit(submission(userId, { model: 'late', deadline }), 'VIP');
  const late = await submit(new Date(Date.now() - 1000));
  const fine = await submit(new Date(Date.now() + 60_000));
  const claimed = await claimOne(yard);
  expect(claimed.lease.taskId).toBe(fine.taskId);
  expect(await yard.task(late.taskId)).toMatchObject({ status: 'FAILED', attempt: 0, version: 2 });
  const { error } = await yard.database.prisma.taskData.findUniqueOrThrow({ where: { taskId: late.taskId } });
  expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', retryable: false });
  await finish(yard.tasks, success(claimed));
  await expectAllDone(yard.database);
});

test('nodes that drain or are not healthy get nothing, and neither does a model that is offered elsewhere', async () => {
  const yard = open();
  const draining = await yard.addNode({ models: ['choosy'] });
  const ill = await yard.addNode({ models: ['choosy'] });
  await yard.addNode({ models: ['another'] });
  await yard.nodes.drain(draining);
  await yard.sql('UPDATE gpu_node SET healthy = false WHERE id = $1', [ill]);
  await yard.tasks.submit(submission(await yard.addUser(), { model: 'choosy' }), 'VIP');
  expect(await yard.tasks.claim({ workerId: yard.workerId, limit: 10 })).toEqual([]);
  await yard.nodes.resume(draining);
  const claimed = await claimOne(yard);
  expect(claimed.lease.nodeId).toBe(draining);
  await finish(yard.tasks, success(claimed));
});

test('a slot that cools down is left alone until then', async () => {
  const yard = open();
  const nodeId = await yard.addNode({ models: ['cool'] });
  const userId = await yard.addUser();
  await yard.tasks.submit(submission(userId, { model: 'cool' }), 'VIP');
  const first = await claimOne(yard);
  await yard.tasks.freeSlot(first.lease, { gpuMs: 5, coolDownMs: 60_000 });
  await yard.tasks.settle(success(first));
  await yard.tasks.submit(submission(userId, { model: 'cool' }), 'VIP');
  expect(await yard.tasks.claim({ workerId: yard.workerId, limit: 10 })).toEqual([]);
  await yard.sql(`UPDATE slot SET held_until = now() - interval '1 ms' WHERE node_id = $1`, [nodeId]);
  const second = await claimOne(yard);
  expect(second.lease.epoch).toBe(first.lease.epoch + 1);
  await finish(yard.tasks, success(second));
});

test('a slot is freed only by the lease that holds it', async () => {
  const yard = open();
  await yard.addNode({ models: ['fenced'] });
  const userId = await yard.addUser();
  for (let n = 0; n < 2; n++) await yard.tasks.submit(submission(userId, { model: 'fenced' }), 'VIP');
  const first = await claimOne(yard);
  await finish(yard.tasks, success(first));
  const second = await claimOne(yard);
  await yard.tasks.freeSlot(first.lease, { gpuMs: 1 });
  await expectInvariants(yard.database);
  const [slot] = await yard.sql<{ task_id: string }>('SELECT task_id FROM slot WHERE node_id = $1', [
    second.lease.nodeId,
  ]);
  expect(slot?.task_id).toBe(second.lease.taskId);
  await finish(yard.tasks, success(second));
});

test('a worker without a lease gets nothing, and is told so', async () => {
  const yard = open();
  await yard.addNode({ models: ['leased'] });
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser(), { model: 'leased' }), 'VIP');
  await expect(yard.tasks.claim({ workerId: newId(), limit: 1 })).rejects.toThrow(WorkerLostError);
  const lost = await yard.tasks.join({ host: 'test', pid: 1, concurrency: 1 });
  await yard.sql(`UPDATE worker SET lease_until = now() - interval '1 ms' WHERE id = $1`, [lost]);
  await expect(yard.tasks.claim({ workerId: lost, limit: 1 })).rejects.toThrow(WorkerLostError);
  expect(await yard.task(taskId)).toMatchObject({ status: 'QUEUED', attempt: 0 });
  await drain(yard);
  await yard.tasks.sweep();
});

test('a job that no task waits for is dropped, and the next one takes its place', async () => {
  const yard = open();
  await yard.addNode({ models: ['stray'] });
  const userId = await yard.addUser();
  const { taskId } = await yard.tasks.submit(submission(userId, { model: 'stray' }), 'VIP');
  const queue = await yard.queue.ensure('TEXT_TO_IMAGE', 'stray');
  const stray = {
    id: randomId(),
    taskId,
    userId,
    cost: 1,
    priority: 2_000_000_000,
    taskPriority: 'NORMAL' as const,
  };
  await yard.database.lanes.transact((tx) => yard.queue.insert(tx, queue, [stray]));
  expect((await drain(yard)).map(({ lease }) => lease.taskId)).toEqual([taskId]);
  await expectAllDone(yard.database);
});
