import type { Transaction } from '../database/index.ts';
import { LOWEST_ID } from '../ids.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { lockWithBelow } from './dependents.ts';
import { deadlineExceeded } from './failures.ts';
import { lockJobsOf, type WithJob } from './job-locks.ts';
import { createWindow, type Step } from './window.ts';

const MAX_GROUP = 500;

/** A task that may be overdue, and the job that it waits with. */
export interface Suspect extends WithJob {
  readonly taskId: string;
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
  const jobs = await lockJobsOf(core, tx, suspects);
  const lockedJobs = jobs.live;
  const taskIds = suspects.map(({ taskId }) => taskId);
  lockWithBelow(tx, taskIds);
  const overdue = await tx.query<OverdueRow>(lockOverdue, [taskIds, [...lockedJobs]]);
  await jobs.cancel(overdue);
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

export function createFailOverdue(core: Core) {
  const { database } = core;
  const window = createWindow(database);

  /** Fails the waiting tasks whose deadline has passed. Answers how many. */
  return function failOverdue(): Promise<number> {
    let after = LOWEST_ID;
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
