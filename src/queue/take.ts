import type { Transaction } from '../database/index.ts';
import type { FetchedJob, JobKey } from './types.ts';

/**
 * To jobs that are named what pg-boss's fetch does to those at the head of a queue; a test holds it against
 * pg-boss's own. It waits for whoever has one of them locked, so that a job is only left out where it is no
 * longer to be had.
 */
const take = `
  WITH next AS MATERIALIZED (
    SELECT j.name, j.id FROM unnest($1::text[], $2::uuid[]) AS wanted (name, id)
    JOIN pgboss.job_common j USING (name, id)
    WHERE j.state < 'active' AND NOT j.blocked AND j.start_after <= pgboss.job_now()
    ORDER BY j.id FOR UPDATE OF j
  )
  UPDATE pgboss.job_common j SET state = 'active', started_on = pgboss.job_now(), heartbeat_on = pgboss.job_now(),
    retry_count = CASE WHEN started_on IS NOT NULL THEN retry_count + 1 ELSE retry_count END
  FROM next WHERE j.name = next.name AND j.id = next.id
  RETURNING j.id, j.retry_count AS "retryCount", j.priority, j.data->>'taskId' AS "taskId",
    j.data->>'trace' AS trace, coalesce(j.data->>'taskPriority', 'NORMAL') AS "taskPriority"`;

/** Takes those of the jobs that are due; the others are left out of the answer. */
export function takeJobs(tx: Transaction, jobs: readonly JobKey[]): Promise<FetchedJob[]> {
  return tx.query<FetchedJob & Record<string, unknown>>(take, [
    jobs.map(({ queue }) => queue.name),
    jobs.map(({ id }) => id),
  ]);
}
