import type { Core } from './core.ts';
import type { Placed } from './lease.ts';
import { type FailedOverdue, failOverdueTasks } from './overdue.ts';

const selectStrays = `
  SELECT j.id FROM unnest($1::uuid[], $2::uuid[]) AS j (task_id, id)
  WHERE NOT EXISTS (SELECT FROM task t WHERE t.id = j.task_id AND t.job_id = j.id)`;

/**
 * Clears away what a claim met and may not run: tasks whose deadline has passed fail, and jobs end that no task
 * waits for, which are leftovers that nobody misses. A transaction of its own, since counts are the last that a
 * transaction locks, once.
 */
export async function discard(core: Core, left: readonly Placed[]): Promise<FailedOverdue['changed']> {
  const { database, queue: boss, log } = core;
  const suspects = left.map(({ head: { taskId, jobId, queue } }) => ({ taskId, queueId: queue.id, jobId }));
  const taskIds = suspects.map(({ taskId }) => taskId);
  return database.lanes.transact(async (tx) => {
    const { changed, lockedJobs } = await failOverdueTasks(core, tx, suspects);
    const strays = await tx.query<{ id: string }>(selectStrays, [
      taskIds,
      suspects.map(({ jobId }) => jobId),
    ]);
    for (const { id } of strays) {
      const queue = left.find(({ head }) => head.jobId === id)?.head.queue;
      if (!queue || !lockedJobs.has(id)) continue;
      await boss.cancel(tx, queue, [id]);
      log.warn({ jobId: id, queue: queue.name }, 'a job that no task waits for was dropped');
    }
    return changed;
  });
}
