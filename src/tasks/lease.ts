import type { Transaction } from '../database/index.ts';
import type { Placement } from '../nodes/index.ts';
import type { QueueHead } from '../queue/index.ts';
import { book } from './counts.ts';

/** A job that a plan has put into a slot. */
export interface Placed {
  readonly head: QueueHead;
  readonly placement: Placement;
}

/** A slot that was leased. */
export interface LeasedRow {
  readonly [column: string]: unknown;
  readonly taskId: string;
  readonly userId: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly input: unknown;
  readonly texts: Readonly<Record<string, string>> | null;
  readonly timeoutMs: number;
  readonly deadline: Date | null;
  readonly cost: number;
}

// statement_timestamp, not now(): the transaction may have waited long for the lock of the claims.
const insertLeases = `
  WITH placed AS (
    SELECT * FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::float8[])
    AS p (task_id, job_id, node_id, slot_no, seconds)
  ), due AS MATERIALIZED (
    SELECT p.*, t.user_id, t.queue_id, t.attempt + 1 AS attempt, t.version + 1 AS version, t.timeout_ms, t.cost, t.deadline
    FROM placed p JOIN task t ON t.id = p.task_id
    WHERE t.status = 'QUEUED' AND t.job_id = p.job_id
      AND (t.deadline IS NULL OR t.deadline > statement_timestamp())
    ORDER BY t.id FOR UPDATE OF t
  ), leased AS (
    UPDATE slot s SET task_id = d.task_id, attempt = d.attempt, epoch = s.epoch + 1, worker_id = $2,
      leased_at = statement_timestamp(), held_until = statement_timestamp()
        + least(d.timeout_ms / 1000.0, d.seconds) * interval '1 second'
    FROM due d WHERE s.node_id = d.node_id AND s.slot_no = d.slot_no AND s.task_id IS NULL
    RETURNING d.*, s.epoch
  ), started AS (
    UPDATE task t SET status = 'RUNNING', attempt = l.attempt, version = l.version, node_id = l.node_id,
      progress = NULL, progress_message = NULL, started_at = coalesce(t.started_at, statement_timestamp()),
      updated_at = statement_timestamp()
    FROM leased l WHERE t.id = l.task_id
  ), attempt AS (
    INSERT INTO task_attempt (task_id, number, node_id, slot_no, epoch, worker_id, started_at)
    SELECT task_id, attempt, node_id, slot_no, epoch, $2, statement_timestamp() FROM leased
  ), event AS (
    INSERT INTO task_event (task_id, version, type, status, attempt, at)
    SELECT task_id, version, 'STARTED', 'RUNNING', attempt, statement_timestamp() FROM leased
  ), counted AS (${book('leased', '$1', { queued: '-1', running: '1' })}
  )
  SELECT l.task_id AS "taskId", l.user_id AS "userId", l.attempt, l.epoch, d.input, d.texts, l.timeout_ms AS "timeoutMs",
         l.deadline, l.cost::float8 AS cost
  FROM leased l JOIN task_data d USING (task_id)`;

export interface LeaseRequest {
  readonly workerId: string;
  readonly placed: readonly Placed[];
}

/**
 * Starts an attempt of each placed task that still waits for this very job, and not longer than it may; the
 * others keep their slots free. Their jobs are fetched and their slots locked by now.
 */
export function lease(tx: Transaction, shard: number, request: LeaseRequest): Promise<LeasedRow[]> {
  const { workerId, placed } = request;
  return tx.query<LeasedRow>(insertLeases, [
    shard,
    workerId,
    placed.map(({ head }) => head.taskId),
    placed.map(({ head }) => head.jobId),
    placed.map(({ placement }) => placement.nodeId),
    placed.map(({ placement }) => placement.slotNo),
    placed.map(({ placement }) => placement.runSeconds),
  ]);
}
