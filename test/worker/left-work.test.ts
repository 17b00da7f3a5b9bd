import { expect, test } from 'vitest';
import { stopLeftWork } from '../../src/worker/left-work.ts';
import { testLog } from '../support/log.ts';
import { openWorkers } from './support.ts';

const { signal } = new AbortController();

test('a job that is left on its node is stopped there when its task is canceled as it waits', async () => {
  await using yard = await openWorkers();
  const node = await yard.simulate({ protocol: 'SD_CPP', pausesAt: 0, nodeSlots: 2, slots: 1 });
  const worker = await yard.worker();
  const first = await yard.submit();
  await node.received(1);
  const second = await yard.submit();
  await node.received(2);
  const kept = () => yard.database.prisma.remoteJob.count({ where: { handle: { not: null } } });
  await expect.poll(kept).toBe(2);
  await worker.drain(0);
  await yard.until(second, { status: 'QUEUED' });
  expect(await yard.tasks.cancel(second)).toEqual({ outcome: 'REMOVED_FROM_QUEUE' });
  const [left, ...others] = await yard.tasks.leftWork();
  expect([left?.taskId, others]).toEqual([second, []]);
  await stopLeftWork({ ...yard, log: testLog }, signal);
  expect((await node.received(2)).outcome).toBe('stopped');
  expect(await yard.tasks.leftWork()).toEqual([]);
  // The other one waits to be taken up.
  expect(await yard.database.prisma.remoteJob.findMany()).toMatchObject([{ taskId: first }]);
});

test('what a lost worker had under way is stopped where its node can, and the slot is free', async () => {
  await using yard = await openWorkers();
  const node = await yard.simulate({ protocol: 'COG', pausesAt: 0 });
  const worker = await yard.worker();
  const input = { type: 'thing', payload: {} };
  const taskId = await yard.submit({ kind: 'CUSTOM', model: 'thing', input, maxAttempts: 1 });
  const call = await node.received(1);
  await yard.sql(`UPDATE worker SET lease_until = now() - interval '1 ms' WHERE id = $1`, [worker.id]);
  await yard.tasks.sweep();
  await yard.until(taskId, { status: 'FAILED' });
  // Its time must not come before it is seen.
  await yard.sql(`UPDATE slot SET held_until = held_until + interval '1 hour' WHERE task_id IS NULL`);
  const cooling = () => yard.database.prisma.slot.count({ where: { heldUntil: { gt: new Date() } } });
  expect(await cooling()).toBe(1);
  await stopLeftWork({ ...yard, log: testLog }, signal);
  expect((await call.ended).outcome).toBe('stopped');
  expect(await cooling()).toBe(0);
  expect(await yard.tasks.leftWork()).toEqual([]);
});
