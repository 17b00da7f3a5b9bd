import type pg from 'pg';

/** A batch, as its tasks are. */
export interface BatchState {
  readonly id: string;
  readonly userId: string;
  readonly createdAt: Date;
  readonly total: number;
  /** Not started yet: of these some wait for their start time, and some for other tasks. */
  readonly queued: number;
  readonly scheduled: number;
  readonly blocked: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
  /** When the last of them became final; null while one is not. */
  readonly finishedAt: Date | null;
  /** Counts up with every event of its tasks. */
  readonly version: number;
}

const count = (...statuses: string[]): string =>
  `(count(*) FILTER (WHERE t.status IN ('${statuses.join("', '")}')))::int`;

const select = `
  SELECT b.id, b.user_id AS "userId", b.created_at AS "createdAt", count(t.id)::int AS total,
         ${count('QUEUED', 'SCHEDULED', 'BLOCKED')} AS queued, ${count('SCHEDULED')} AS scheduled,
         ${count('BLOCKED')} AS blocked, ${count('RUNNING')} AS running, ${count('SUCCEEDED')} AS succeeded,
         ${count('FAILED')} AS failed, ${count('CANCELED')} AS canceled,
         CASE WHEN bool_and(t.finished_at IS NOT NULL) THEN max(t.finished_at) END AS "finishedAt",
         coalesce(sum(t.version), 0)::float8 AS version
  FROM batch b LEFT JOIN batch_task m ON m.batch_id = b.id LEFT JOIN task t ON t.id = m.task_id
  WHERE b.id = ANY ($1::uuid[]) GROUP BY b.id`;

/** Those of the batches that exist. */
export async function readBatches(pool: pg.Pool, ids: readonly string[]): Promise<BatchState[]> {
  const { rows } = await pool.query<BatchState>({ name: 'batch-states', text: select, values: [ids] });
  return rows;
}

/** Which tasks these batches have: never others. */
export async function readMembers(
  pool: pg.Pool,
  batchIds: readonly string[],
): Promise<{ batchId: string; taskId: string }[]> {
  const { rows } = await pool.query<{ batchId: string; taskId: string }>({
    name: 'batch-members',
    text: 'SELECT batch_id AS "batchId", task_id AS "taskId" FROM batch_task WHERE batch_id = ANY ($1::uuid[])',
    values: [batchIds],
  });
  return rows;
}
