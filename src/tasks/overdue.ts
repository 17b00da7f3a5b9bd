import type { Transaction } from '../database/index.ts';
import type { JobKey } from '../queue/index.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { deadlineExceeded } from './discard.ts';
import { createWindow, type Step } from './window.ts';

const MAX_GROUP = 500;

interface Row {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly queueId: string;
  readonly jobId: string | null;
  readonly version: number;
  readonly attempt: number;
}

const columns = `id, queue_id AS "queueId", job_id AS "jobId", version, attempt`;

const selectOverdue = `
  SELECT ${columns} FROM task
  WHERE deadline > $1 AND deadline <= now() AND status IN ('SCHEDULED', 'QUEUED') AND id > $2
  ORDER BY id LIMIT ${MAX_GROUP}`;

// Once its job is locked, nobody else changes a task.
const lockOverdue = `
  SELECT ${columns} FROM task
  WHERE id = ANY ($1::uuid[]) AND status IN ('SCHEDULED', 'QUEUED') AND (job_id IS NULL OR job_id = ANY ($2::uuid[]))
  ORDER BY id FOR UPDATE SKIP LOCKED`;

const NO_ID = '00000000-0000-0000-0000-000000000000';

export function createFailOverdue(core: Core) {
  const { database, queue: boss } = core;
  const window = createWindow(database);

  /** Job, then task. A job that somebody has locked is about to be judged there. */
  async function failIn(tx: Transaction, rows: readonly Row[]): Promise<Changed[]> {
    const queues = new Map(
      await Promise.all(rows.map(async ({ queueId }) => [queueId, await boss.get(queueId)] as const)),
    );
    const keyOf = ({ queueId, jobId }: Row): JobKey[] => {
      const queue = queues.get(queueId);
      return queue && jobId !== null ? [{ queue, id: jobId }] : [];
    };
    const jobs = await boss.lock(tx, rows.flatMap(keyOf));
    const overdue = await tx.query<Row>(lockOverdue, [rows.map(({ id }) => id), jobs.map(({ id }) => id)]);
    for (const [queue, keys] of Map.groupBy(overdue.flatMap(keyOf), (key) => key.queue)) {
      await boss.cancel(
        tx,
        queue,
        keys.map(({ id }) => id),
      );
    }
    return change(
      tx,
      core.shard(tx),
      overdue.map(({ id, version, attempt }) => ({
        taskId: id,
        event: 'FAILED',
        version,
        jobId: null,
        error: deadlineExceeded(attempt),
      })),
    );
  }

  /** Fails the waiting tasks whose deadline has passed. Answers how many. */
  return function failOverdue(): Promise<number> {
    let after = NO_ID;
    return window.sweep(async (since): Promise<Step> => {
      const { rows } = await database.pool.query<Row>(selectOverdue, [since, after]);
      after = rows.at(-1)?.id ?? after;
      const failed = rows.length === 0 ? [] : await database.lanes.transact((tx) => failIn(tx, rows));
      announceChanged(core, failed);
      return { changed: failed.length, isDone: rows.length < MAX_GROUP };
    });
  };
}
