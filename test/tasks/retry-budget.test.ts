import { expect, test } from 'vitest';
import { claimOne, failure, finish, openYard, submission } from '../support/yard.ts';

/** Seconds from the end of each attempt until its task is due again, in order. */
const due = `SELECT extract(epoch FROM j.start_after - a.ended_at)::float8 AS seconds
             FROM pgboss.job_common j JOIN task_attempt a ON a.task_id = (j.data->>'taskId')::uuid
             WHERE j.state IN ('created', 'retry') ORDER BY 1`;

test('retries after an outage are spread: a fifth of what runs at once, and as many more each second', async () => {
  await using yard = await openYard();
  const node = await yard.addNode({ slots: 20 });
  const userId = await yard.addUser();
  await Promise.all(Array.from({ length: 20 }, () => yard.tasks.submit(submission(userId), 'VIP')));
  const claimed = await yard.tasks.claim({ workerId: yard.workerId, limit: 20 });
  expect(claimed).toHaveLength(20);
  await Promise.all(claimed.map((one) => yard.tasks.settle(failure(one))));
  const seconds = (await yard.sql<{ seconds: number }>(due)).map((row) => row.seconds);
  const soon = seconds.filter((one) => one <= 1.5);
  expect(soon.length).toBeGreaterThanOrEqual(4);
  expect(soon.length).toBeLessThan(14);
  expect(seconds.at(-1)).toBeGreaterThan(3);

  // One that is due at once, since its node is gone, is not held up: nobody bears it any more.
  await yard.sql(`UPDATE pgboss.job_common SET start_after = now() + interval '1 hour'`);
  await yard.sql(`UPDATE gpu_node SET slot_count = 1`);
  const { taskId } = await yard.tasks.submit(submission(userId), 'VIP');
  for (const one of claimed) await yard.tasks.freeSlot(one.lease, { gpuMs: 1 });
  const lost = await claimOne(yard);
  expect(lost.lease).toMatchObject({ taskId, nodeId: node });
  const { end, ...rest } = failure(lost, { retryAfterMs: 0 });
  if (end.type === 'failed') await finish(yard.tasks, { ...rest, end: { ...end, outcome: 'NODE_LOST' } });
  expect((await claimOne(yard)).lease.taskId).toBe(taskId);
});
