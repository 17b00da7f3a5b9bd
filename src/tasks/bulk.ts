import type { Transaction } from '../database/index.ts';
import { InvalidStateError, NotFoundError } from '../errors.ts';
import type { JobKey } from '../queue/index.ts';
import { noteActs } from './acts.ts';
import type { CancelNow } from './cancel.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { lockWithBelow } from './dependents.ts';
import type { Waiting } from './enqueue.ts';
import type { RetryOptions } from './retry.ts';

/** Which tasks it is about: a page at a time, read when the one before is done. */
export type Pages = AsyncIterable<readonly string[]>;

/** What one command does to many tasks, in a transaction for each page. */
export interface Bulk {
  /**
   * Retries those of the tasks that can be, as `retry` does.
   * @param pages parents before children: in the order of their ids
   * @returns how many wait again
   */
  retryAll(pages: Pages, by: string): Promise<number>;
  /**
   * Cancels those of the tasks that have not ended, as `cancel` does, but does not wait for what becomes of the calls.
   * @param pages children before parents: in the reverse order of their ids
   * @returns how many it canceled
   */
  cancelAll(pages: Pages, by: string): Promise<number>;
}

export interface BulkOptions {
  retry(taskId: string, options: RetryOptions): Promise<readonly Changed[]>;
  readonly cancelNow: CancelNow;
}

// Those that have nothing to do with others. The rest is retried one by one, each with its family.
const lockLone = `
  SELECT t.id, t.user_id AS "userId", t.queue_id AS "queueId", t.cost, t.priority, u.tier
  FROM task t JOIN user_account u ON u.id = t.user_id
  WHERE t.id = ANY ($1::uuid[]) AND t.status IN ('FAILED', 'CANCELED')
    AND coalesce(t.deadline > now(), true) AND coalesce(t.start_at <= now(), true)
    AND NOT EXISTS (SELECT FROM task_dependency d WHERE d.child_id = t.id)
    AND NOT EXISTS (SELECT FROM task_dependency d WHERE d.parent_id = t.id)
  ORDER BY t.id FOR UPDATE OF t`;

const selectOpen = `
  SELECT id, queue_id AS "queueId", job_id AS "jobId" FROM task
  WHERE id = ANY ($1::uuid[]) AND status NOT IN ('SUCCEEDED', 'FAILED', 'CANCELED') ORDER BY id`;

interface OpenRow {
  readonly id: string;
  readonly queueId: string;
  readonly jobId: string | null;
}

const idsOf = (changed: readonly Changed[]): string[] => changed.map(({ taskId }) => taskId);

/** Whoever was there first: it has ended, or waits again, or is gone. */
const isTooLate = (error: unknown): boolean =>
  error instanceof InvalidStateError || error instanceof NotFoundError;

export function createBulk(core: Core, { retry, cancelNow }: BulkOptions): Bulk {
  const { database, queue: boss, carrier } = core;

  async function retryLone(tx: Transaction, ids: readonly string[], by: string): Promise<Changed[]> {
    const lone = await tx.query<Waiting & Record<string, unknown>>(lockLone, [ids]);
    const changed = await change(
      core,
      tx,
      [],
      lone.map((task) => ({ ...task, event: 'RETRIED' })),
    );
    noteActs(tx, idsOf(changed), { by });
    return changed;
  }

  /** Answers whether the work was done, and not too late. */
  async function inTime<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (isTooLate(error)) return null;
      throw error;
    }
  }

  async function retryPage(ids: readonly string[], by: string): Promise<number> {
    const changed = await database.lanes.transact((tx) => retryLone(tx, ids, by));
    announceChanged(core, changed);
    const done = new Set(idsOf(changed));
    let count = done.size;
    for (const id of ids) {
      if (done.has(id)) continue;
      const family = (await inTime(() => retry(id, { by }))) ?? [];
      for (const { taskId } of family) done.add(taskId);
      count += family.length;
    }
    return count;
  }

  /** Job, then task, then what depends on it. Jobs that others have locked are left, with their tasks. */
  async function cancelOpen(tx: Transaction, ids: readonly string[], by: string): Promise<Changed[]> {
    const open = await tx.query<OpenRow & Record<string, unknown>>(selectOpen, [ids]);
    const queues = new Map(
      await Promise.all(open.map(async ({ queueId }) => [queueId, await boss.get(queueId)] as const)),
    );
    const keyOf = ({ queueId, jobId }: OpenRow): JobKey[] => {
      const queue = queues.get(queueId);
      return queue && jobId !== null ? [{ queue, id: jobId }] : [];
    };
    const jobs = await boss.lock(tx, open.flatMap(keyOf));
    const locked = new Set(jobs.flatMap(({ id, isLive }) => (isLive ? [id] : [])));
    const mine = open.filter(({ jobId }) => jobId === null || locked.has(jobId));
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
    const canceled = changed.filter(({ status }) => status === 'CANCELED');
    const done = new Set(idsOf(canceled));
    const ended = mine.filter(({ id }) => done.has(id)).flatMap(keyOf);
    for (const [queue, keys] of Map.groupBy(ended, (key) => key.queue)) {
      await boss.cancel(
        tx,
        queue,
        keys.map(({ id }) => id),
      );
    }
    noteActs(tx, [...done], { by });
    return changed;
  }

  async function cancelPage(ids: readonly string[], by: string): Promise<number> {
    const changed = await database.lanes.transact((tx) => cancelOpen(tx, ids, by));
    announceChanged(core, changed);
    for (const { taskId, attempt, workerId } of changed) {
      if (workerId !== null) carrier.announce({ type: 'cancel', taskId, attempt, workerId });
    }
    const done = new Set(idsOf(changed));
    let count = changed.filter(({ status }) => status === 'CANCELED').length;
    for (const id of ids) {
      if (!done.has(id) && (await inTime(() => cancelNow(id, by)))) count++;
    }
    return count;
  }

  async function total(pages: Pages, work: (ids: readonly string[]) => Promise<number>): Promise<number> {
    let count = 0;
    for await (const ids of pages) count += await work(ids);
    return count;
  }

  return {
    retryAll: (pages, by) => total(pages, (ids) => retryPage(ids, by)),
    cancelAll: (pages, by) => total(pages, (ids) => cancelPage(ids, by)),
  };
}
