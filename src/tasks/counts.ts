import type { TaskStatus, Transaction } from '../database/index.ts';

/** Rows of an owner: more of them means less waiting for each other's commits, and more to sum. */
export const SHARDS = 16;

/** How a relation's rows change what is counted: `+1`, `-1` or an expression over its columns. */
export interface Booking {
  readonly queued?: string;
  readonly running?: string;
  readonly scheduled?: string;
}

/**
 * SQL that adds what the rows of `relation` change to their queue's and their user's counts. Counts are the
 * last in the lock order: nothing of a transaction comes after them.
 * @param relation has the columns user_id and queue_id
 * @param shard the parameter with the shard's number
 */
export function book(relation: string, shard: string, change: Booking): string {
  const { queued = '0', running = '0', scheduled = '0' } = change;
  return `
    INSERT INTO task_count AS c (owner_id, shard, queued, running, scheduled)
    SELECT owner_id, ${shard}::smallint, queued, running, scheduled FROM (
      SELECT owner_id, sum(${queued})::int AS queued, sum(${running})::int AS running,
             sum(${scheduled})::int AS scheduled
      FROM ${relation}, LATERAL (VALUES (user_id), (queue_id)) AS owners (owner_id) GROUP BY owner_id
    ) AS changes WHERE queued <> 0 OR running <> 0 OR scheduled <> 0 ORDER BY owner_id
    ON CONFLICT (owner_id, shard) DO UPDATE SET queued = c.queued + excluded.queued,
      running = c.running + excluded.running, scheduled = c.scheduled + excluded.scheduled`;
}

/** The booking of rows that go from the status in one column to that in another. */
function move(from: string, to: string): Booking {
  const change = (...statuses: TaskStatus[]): string => {
    const is = (column: string): string => `(${column} IN ('${statuses.join("', '")}'))::int`;
    return `${is(to)} - ${is(from)}`;
  };
  return {
    queued: change('QUEUED'),
    running: change('RUNNING'),
    scheduled: change('SCHEDULED', 'BLOCKED'),
  };
}

const moveCounts = `
  WITH moved AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::task_status[], $5::task_status[])
    AS m (user_id, queue_id, before, after)
  ) ${book('moved', '$1', move('before', 'after'))}`;

/** A task that went from one state to another. */
export interface Moved {
  readonly userId: string;
  readonly queueId: string;
  readonly from: TaskStatus;
  readonly status: TaskStatus;
}

/** Books what the steps of tasks change, all of a transaction's at once. */
export function bookMoves(tx: Transaction, shard: number, moved: readonly Moved[]): void {
  if (moved.length === 0) return;
  void tx.query(moveCounts, [
    shard,
    moved.map(({ userId }) => userId),
    moved.map(({ queueId }) => queueId),
    moved.map(({ from }) => from),
    moved.map(({ status }) => status),
  ]);
}

export interface Counts {
  readonly queued: number;
  readonly running: number;
  /** What waits for its start time, or for other tasks. */
  readonly scheduled: number;
}

export const noCounts: Counts = { queued: 0, running: 0, scheduled: 0 };

const select = `
  SELECT owner_id AS "ownerId", sum(queued)::int AS queued, sum(running)::int AS running,
         sum(scheduled)::int AS scheduled
  FROM task_count WHERE owner_id = ANY ($1::uuid[]) GROUP BY owner_id`;

/** How many tasks these queues and users have; those that never had any are left out. */
export async function countTasks(
  tx: Pick<Transaction, 'query'>,
  ownerIds: readonly string[],
): Promise<Map<string, Counts>> {
  const rows = await tx.query<Counts & { ownerId: string }>(select, [ownerIds]);
  return new Map(rows.map(({ ownerId, ...counts }) => [ownerId, counts]));
}
