import type { Transaction } from '../database/index.ts';
import { noteActs } from './acts.ts';
import type { CancelNow } from './cancel.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { lockWithBelow } from './dependents.ts';
import { inTime } from './in-time.ts';
import { lockJobsOf, type WithJob } from './job-locks.ts';
import { type Pages, sumOver } from './pages.ts';

export interface CancelAllOptions {
  readonly cancelNow: CancelNow;
}

const selectOpen = `
  SELECT id, queue_id AS "queueId", job_id AS "jobId" FROM task
  WHERE id = ANY ($1::uuid[]) AND status NOT IN ('SUCCEEDED', 'FAILED', 'CANCELED') ORDER BY id`;

interface OpenRow extends WithJob {
  readonly [column: string]: unknown;
  readonly id: string;
}

export function createCancelAll(core: Core, { cancelNow }: CancelAllOptions) {
  const { database, carrier } = core;

  /** Job, then task, then what depends on it. Jobs that others have locked are left, with their tasks. */
  async function cancelOpen(tx: Transaction, ids: readonly string[], by: string): Promise<Changed[]> {
    const open = await tx.query<OpenRow>(selectOpen, [ids]);
    const jobs = await lockJobsOf(core, tx, open);
    const mine = open.filter(({ jobId }) => jobId === null || jobs.live.has(jobId));
    lockWithBelow(
      tx,
      mine.map(({ id }) => id),
    );
    const changed = await change(
      core,
      tx,
      mine.map(({ id, jobId }) => ({
        ...{ taskId: id, event: 'CANCELED', outcome: 'CANCELED', onlyWithJob: jobId, jobId: null },
      })),
    );
    const canceled = new Set(
      changed.flatMap(({ taskId, status }) => (status === 'CANCELED' ? [taskId] : [])),
    );
    await jobs.cancel(mine.filter(({ id }) => canceled.has(id)));
    noteActs(tx, [...canceled], { by });
    return changed;
  }

  async function cancelPage(ids: readonly string[], by: string): Promise<number> {
    const changed = await database.lanes.transact((tx) => cancelOpen(tx, ids, by));
    announceChanged(core, changed);
    for (const { taskId, attempt, workerId } of changed) {
      if (workerId !== null) carrier.announce({ type: 'cancel', taskId, attempt, workerId });
    }
    const done = new Set(changed.map(({ taskId }) => taskId));
    let count = changed.filter(({ status }) => status === 'CANCELED').length;
    for (const id of ids) {
      if (!done.has(id) && (await inTime(() => cancelNow(id, by)))) count++;
    }
    return count;
  }

  /** See `Bulk.cancelAll`. */
  return (pages: Pages, by: string): Promise<number> => sumOver(pages, (ids) => cancelPage(ids, by));
}
