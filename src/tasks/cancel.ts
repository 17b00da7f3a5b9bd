import type { TaskStatus, Transaction } from '../database/index.ts';
import { InvalidStateError, NotFoundError } from '../errors.ts';
import type { QueueRow } from '../queue/index.ts';
import { noteActs } from './acts.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { isFinal } from './lifecycle.ts';
import { SupersededError, untilCurrent } from './superseded.ts';

/**
 * - `REMOVED_FROM_QUEUE`: it did not run.
 * - `STOPPED_ON_NODE`: the node confirmed, or its protocol stops on disconnect.
 * - `ABANDONED`: the node works on, its answer is dropped, and its slot stays taken until it is free.
 */
export type CancelOutcome = 'REMOVED_FROM_QUEUE' | 'STOPPED_ON_NODE' | 'ABANDONED';

/** How long a cancel waits to hear what became of the call. */
const DEFAULT_STOP_WAIT_MS = 500;
/** How often a job that is there, and is not found, is looked for in one transaction. */
const MAX_LOOKS = 3;

interface Row {
  readonly id: string;
  readonly status: TaskStatus;
  readonly queueId: string;
  readonly jobId: string | null;
  /** Of the last attempt, where the cancel ended it. */
  readonly stopped: boolean | null;
  readonly endedAttempt: boolean;
}

// An attempt that a cancel ended has ended at the same instant as its task.
const select = `
  SELECT t.id, t.status, t.queue_id AS "queueId", t.job_id AS "jobId", a.stopped,
         a.task_id IS NOT NULL AS "endedAttempt"
  FROM task t LEFT JOIN task_attempt a ON a.task_id = t.id AND a.number = t.attempt
    AND a.outcome = 'CANCELED' AND a.ended_at = t.finished_at
  WHERE t.id = $1`;

/**
 * Ends a task as `cancel` does, and does not wait for what becomes of its call.
 * @returns false where it was canceled before
 */
export type CancelNow = (taskId: string, by?: string) => Promise<boolean>;

export interface Cancel {
  /**
   * Ends a task for good, whatever its state; whoever runs it is told after the commit.
   * @param by who asks for it, a user's id: the log tells
   * @throws NotFoundError; InvalidStateError where it succeeded or failed before
   */
  cancel(taskId: string, by?: string): Promise<{ outcome: CancelOutcome }>;
  readonly cancelNow: CancelNow;
}

export function createCancel(core: Core, stopWaitMs = DEFAULT_STOP_WAIT_MS): Cancel {
  const { database, queue: boss, carrier } = core;

  async function read(taskId: string): Promise<Row> {
    const { rows } = await database.pool.query<Row>(select, [taskId]);
    const row = rows[0];
    if (!row) throw new NotFoundError('there is no such task');
    return row;
  }

  /**
   * Job, then task, then what depends on it. The slot of a running attempt stays taken: whoever runs it says when
   * it is free. Once its job is locked a task stays as it is, however busily others claim it and hand it back.
   */
  async function write({ id, queueId, jobId }: Row, by: string | undefined): Promise<Changed[]> {
    const queue = await boss.get(queueId);
    return database.lanes.transact(async (tx) => {
      if (jobId !== null) await cancelJob(tx, queue, jobId);
      const changed = await change(core, tx, [
        { taskId: id, event: 'CANCELED', outcome: 'CANCELED', onlyWithJob: jobId, jobId: null },
      ]);
      if (changed[0]?.taskId !== id) throw new SupersededError();
      noteActs(tx, [id], { by });
      return changed;
    });
  }

  /** pg-boss's fail deletes a job and inserts it again: who waited for it finds nothing at first, but looks again. */
  async function cancelJob(tx: Transaction, queue: QueueRow, jobId: string): Promise<void> {
    for (let tries = 0; tries < MAX_LOOKS; tries++) {
      const { answer } = await boss.cancel(tx, queue, [jobId]);
      const isDone = (await answer).length > 0 || !(await boss.isLive(tx, { queue, id: jobId }));
      if (isDone) return;
    }
    throw new SupersededError();
  }

  const outcomeOf = ({ endedAttempt, stopped }: Row): CancelOutcome =>
    endedAttempt ? (stopped ? 'STOPPED_ON_NODE' : 'ABANDONED') : 'REMOVED_FROM_QUEUE';

  function tell({ taskId, attempt, workerId }: Changed): void {
    if (workerId !== null) carrier.announce({ type: 'cancel', taskId, attempt, workerId });
  }

  /** Tells the worker, and waits until it has said what became of the call. */
  async function stop(own: Changed): Promise<CancelOutcome> {
    const { taskId, attempt } = own;
    const heard = Promise.withResolvers<void>();
    const deadline = AbortSignal.timeout(stopWaitMs);
    deadline.addEventListener('abort', () => heard.resolve());
    let check = Promise.resolve();
    const deafen = carrier.listen((announcement) => {
      const concerns =
        announcement.type === 'resync' || (announcement.type === 'task' && announcement.id === taskId);
      if (!concerns) return;
      check = check.then(async () => {
        if (await isTold(taskId, attempt)) heard.resolve();
      });
      check.catch(heard.reject);
    });
    try {
      tell(own);
      await heard.promise;
    } finally {
      deafen();
    }
    return outcomeOf(await read(taskId));
  }

  async function isTold(taskId: string, attempt: number): Promise<boolean> {
    const { rowCount } = await database.pool.query(
      'SELECT FROM task_attempt WHERE task_id = $1 AND number = $2 AND stopped IS NOT NULL',
      [taskId, attempt],
    );
    return rowCount === 1;
  }

  async function tryOnce(taskId: string, by: string | undefined): Promise<Row | Changed> {
    const row = await read(taskId);
    if (row.status === 'CANCELED') return row;
    if (isFinal(row.status)) {
      throw new InvalidStateError(`the task has ended already: it is ${row.status}`, row.status);
    }
    const changed = await write(row, by);
    announceChanged(core, changed);
    return changed[0] ?? row;
  }

  return {
    async cancel(taskId, by) {
      const canceled = await untilCurrent(() => tryOnce(taskId, by));
      if ('id' in canceled) return { outcome: outcomeOf(canceled) };
      return { outcome: canceled.from === 'RUNNING' ? await stop(canceled) : 'REMOVED_FROM_QUEUE' };
    },
    async cancelNow(taskId, by) {
      const canceled = await untilCurrent(() => tryOnce(taskId, by));
      if ('id' in canceled) return false;
      tell(canceled);
      return true;
    },
  };
}
