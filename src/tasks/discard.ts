import type { Transaction } from '../database/index.ts';
import { type Changed, change } from './change.ts';
import type { Core } from './core.ts';
import type { Placed } from './lease.ts';
import type { TaskFailure } from './types.ts';

const selectOverdue = `
  SELECT t.id, t.attempt FROM unnest($1::uuid[], $2::uuid[]) AS j (task_id, id)
  JOIN task t ON t.id = j.task_id AND t.job_id = j.id
  WHERE t.status = 'QUEUED' AND t.deadline <= statement_timestamp()`;

/** What a task fails with that did not come to run in time. */
export function deadlineExceeded(attempt: number, last?: TaskFailure): TaskFailure {
  const reason = last ? `; the last attempt failed: ${last.message}` : '';
  return {
    code: 'DEADLINE_EXCEEDED',
    message: `the deadline came before the task could run${reason}`,
    retryable: false,
    attempt,
  };
}

/**
 * What was fetched and may not run: tasks whose deadline has passed fail, and every such job ends. A job whose
 * task does not wait for it is a leftover, which nobody misses.
 */
export async function discard(core: Core, tx: Transaction, left: readonly Placed[]): Promise<Changed[]> {
  for (const group of Map.groupBy(left, ({ queue }) => queue).values()) {
    const queue = group[0]?.queue;
    const jobs = group.map(({ job }) => job);
    if (queue) await core.queue.complete(tx, queue, jobs);
  }
  const taskIds = left.map(({ job }) => job.taskId);
  const jobIds = left.map(({ job }) => job.id);
  const overdue = await tx.query<{ id: string; attempt: number }>(selectOverdue, [taskIds, jobIds]);
  const leftovers = left.length - overdue.length;
  if (leftovers > 0) core.log.warn({ leftovers, taskIds }, 'jobs without a waiting task were dropped');
  return change(
    tx,
    core.shard(tx),
    overdue.map(({ id, attempt }) => ({
      taskId: id,
      event: 'FAILED',
      jobId: null,
      error: deadlineExceeded(attempt),
    })),
  );
}
