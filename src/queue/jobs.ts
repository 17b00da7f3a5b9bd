import type { Transaction } from '../database/index.ts';
import type { JobKey, LockedJob, QueueHead, QueueRow } from './types.ts';

// The same condition and order as pg-boss's fetch, so that its index serves both.
const heads = `
  SELECT q.id, q.kind, q.model, q.boss_name AS name, j.id AS "jobId", j.priority, j.created_on AS "createdAt",
         j.data->>'taskId' AS "taskId", j.data->>'userId' AS "userId", (j.data->>'cost')::float8 AS cost,
         coalesce(j.data->>'taskPriority', 'NORMAL') AS "taskPriority"
  FROM queue q CROSS JOIN LATERAL (
    SELECT id, priority, created_on, data FROM pgboss.job_common
    WHERE name = q.boss_name AND state < 'active' AND NOT blocked AND start_after <= now()
      AND (cardinality($2::text[]) = 0 OR data->>'userId' <> ALL ($2))
    ORDER BY priority DESC, created_on LIMIT $1
  ) AS j`;

type HeadRow = QueueRow & Omit<QueueHead, 'queue'>;

/** The first due jobs of every queue, in the order of a fetch, but for those of the given users. */
export async function selectHeads(
  tx: Transaction,
  limit: number,
  withoutUsers: readonly string[] = [],
): Promise<QueueHead[]> {
  const rows = await tx.query<HeadRow & Record<string, unknown>>(heads, [limit, withoutUsers]);
  return rows.map(({ id, kind, model, name, ...head }) => ({ queue: { id, kind, model, name }, ...head }));
}

const lock = `
  SELECT j.id, j.retry_count AS "retryCount", j.state < 'completed' AS "isLive"
  FROM unnest($1::text[], $2::uuid[]) AS wanted (name, id) JOIN pgboss.job_common j USING (name, id)
  ORDER BY j.id FOR UPDATE OF j SKIP LOCKED`;

/** Locks the jobs that nobody else has locked. */
export function lockJobs(tx: Transaction, jobs: readonly JobKey[]): Promise<LockedJob[]> {
  return tx.query<LockedJob & Record<string, unknown>>(lock, [
    jobs.map(({ queue }) => queue.name),
    jobs.map(({ id }) => id),
  ]);
}

const isLive = `
  SELECT id FROM pgboss.job_common WHERE name = $1 AND id = $2 AND state < 'completed'`;

/** Whether the job is there, and not through. */
export async function isJobLive(tx: Transaction, { queue, id }: JobKey): Promise<boolean> {
  return (await tx.query(isLive, [queue.name, id])).length > 0;
}

// What PostgreSQL says of the text that is no number is what went wrong.
const inserted = `
  SELECT CASE WHEN count(*) = cardinality($2::uuid[]) THEN 0
         ELSE (count(*) || ' of ' || cardinality($2) || ' jobs were put into ' || $1)::int END
  FROM pgboss.job_common WHERE name = $1 AND id = ANY ($2) AND xmin = pg_current_xact_id()::xid`;

/**
 * Fails the transaction where one of the jobs was not inserted by it: pg-boss says nothing of an id that was
 * used before. Nobody need wait for the answer.
 */
export async function assertInserted(
  tx: Transaction,
  queue: QueueRow,
  jobs: readonly { readonly id: string }[],
): Promise<void> {
  await tx.query(inserted, [queue.name, jobs.map(({ id }) => id)]);
}
