import type { Transaction } from '../database/index.ts';
import type { JobKey } from '../queue/index.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { lockWithBelow } from './dependents.ts';
import { deadlineExceeded } from './failures.ts';
import { createWindow, type Step } from './window.ts';

const MAX_GROUP = 500;

/** A task that may be overdue, and the job that it waits with. */
export interface Suspect {
  readonly taskId: string;
  readonly queueId: string;
  /** Null for a scheduled or blocked task. */
  readonly jobId: string | null;
}

interface OverdueRow extends Suspect {
  readonly [column: string]: unknown;
  readonly attempt: number;
}

const columns = `id AS "taskId", queue_id AS "queueId", job_id AS "jobId", attempt`;

// Once its job is locked, nobody else changes a task.
const lockOverdue = `
  SELECT ${columns} FROM task
  WHERE id = ANY ($1::uuid[]) AND status IN ('SCHEDULED', 'BLOCKED', 'QUEUED') AND deadline <= statement_timestamp()
    AND (job_id IS NULL OR job_id = ANY ($2::uuid[]))
  ORDER BY id FOR UPDATE SKIP LOCKED`;

export interface FailedOverdue {
  readonly changed: readonly Changed[];
  /** Ids of the suspects' live jobs, which this transaction has locked: the others are judged elsewhere. */
  readonly lockedJobs: ReadonlySet<string>;
}

/** Fails those that are overdue indeed, job before task. */
export async function failOverdueTasks(
  core: Core,
  tx: Transaction,
  suspects: readonly Suspect[],
): Promise<FailedOverdue> {
  const { queue: boss } = core;
  const queues = new Map(
    await Promise.all(suspects.map(async ({ queueId }) => [queueId, await boss.get(queueId)] as const)),
  );
  const keyOf = ({ queueId, jobId }: Suspect): JobKey[] => {
    const queue = queues.get(queueId);
    return queue && jobId !== null ? [{ queue, id: jobId }] : [];
  };
  const jobs = await boss.lock(tx, suspects.flatMap(keyOf));
  const lockedJobs = new Set(jobs.filter(({ isLive }) => isLive).map(({ id }) => id));
  const taskIds = suspects.map(({ taskId }) => taskId);
  lockWithBelow(tx, taskIds);
  const overdue = await tx.query<OverdueRow>(lockOverdue, [taskIds, [...lockedJobs]]);
  for (const [queue, keys] of Map.groupBy(overdue.flatMap(keyOf), (key) => key.queue)) {
    const ids = keys.map(({ id }) => id);
    await boss.cancel(tx, queue, ids);
  }
  const changed = await change(
    core,
    tx,
    overdue.map(({ taskId, attempt }) => ({
      taskId,
      event: 'FAILED',
      jobId: null,
      error: deadlineExceeded(attempt),
    })),
  );
  return { changed, lockedJobs };
}

const selectOverdue = `
  SELECT ${columns} FROM task
  WHERE deadline > $1 AND deadline <= now() AND status IN ('SCHEDULED', 'BLOCKED', 'QUEUED') AND id > $2
  ORDER BY id LIMIT ${MAX_GROUP}`;

const NO_ID = '00000000-0000-0000-0000-000000000000';

export function createFailOverdue(core: Core) {
  const { database } = core;
  const window = createWindow(database);

  /** Fails the waiting tasks whose deadline has passed. Answers how many. */
  return function failOverdue(): Promise<number> {
    let after = NO_ID;
    return window.sweep(async (since): Promise<Step> => {
      const { rows } = await database.pool.query<OverdueRow>(selectOverdue, [since, after]);
      const last = rows.at(-1);
      if (!last) return { changed: 0, isDone: true };
      after = last.taskId;
      const { changed } = await database.lanes.transact((tx) => failOverdueTasks(core, tx, rows));
      announceChanged(core, changed);
      return { changed: changed.length, isDone: rows.length < MAX_GROUP };
    });
  };
}
