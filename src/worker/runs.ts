import type { Database } from '../database/index.ts';
import { kindOf } from '../kinds/index.ts';
import type { Claimed } from '../tasks/index.ts';
import type { Tracing } from '../tracing/index.ts';
import { within } from '../within.ts';
import type { StopReason } from './outcome.ts';
import { type Run, startRun } from './run.ts';
import type { RunContext } from './types.ts';

/** The attempts that this process runs. */
export interface Runs {
  /** Those that take a place: what the worker does by itself does not. */
  readonly size: number;
  /** How many of that kind. */
  count(kind: string): number;
  start(claimed: Claimed): void;
  cancel(taskId: string, attempt: number): void;
  stop(reason: StopReason, which?: (run: Run) => boolean): void;
  /** Stops the runs of attempts that have ended otherwise, such as by a cancel that nobody told of. */
  stopEnded(workerId: string): Promise<void>;
  /** Ends what runs on that node, if it is lost or its drain is over. */
  stopIfGone(nodeId: string): Promise<void>;
  /** Resolves when no run is left, or after that time. */
  ended(timeoutMs: number): Promise<void>;
}

export interface RunsOptions extends RunContext {
  readonly database: Database;
  /** There is room for another one. */
  freed(): void;
  readonly tracing?: Tracing | null;
}

const RUNNING = `SELECT task_id, number FROM task_attempt WHERE worker_id = $1 AND outcome = 'RUNNING'`;

const keyOf = (taskId: string, attempt: number): string => `${taskId} ${attempt}`;

export function createRuns({ database, freed, tracing, ...context }: RunsOptions): Runs {
  const runs = new Map<string, Run>();
  const suspects = new Set<string>();

  function stop(reason: StopReason, which: (run: Run) => boolean = () => true): void {
    for (const run of [...runs.values()].filter(which)) run.stop(reason);
  }

  return {
    get size() {
      return [...runs.values()].filter(({ claimed }) => !kindOf(claimed.kind).isBuiltIn).length;
    },
    count: (kind) => [...runs.values()].filter(({ claimed }) => claimed.kind === kind).length,
    start(claimed) {
      const key = keyOf(claimed.lease.taskId, claimed.lease.attempt);
      const start = (): Run => startRun(claimed, context);
      const run = tracing ? tracing.within(claimed.trace, start) : start();
      runs.set(key, run);
      void run.done.then(() => {
        runs.delete(key);
        freed();
      });
    },
    cancel: (taskId, attempt) => runs.get(keyOf(taskId, attempt))?.stop('cancel'),
    stop,
    async stopEnded(workerId) {
      const before = [...runs].filter(([, run]) => run.isAwaited);
      if (before.length === 0) return;
      const { rows } = await database.pool.query<{ task_id: string; number: number }>(RUNNING, [workerId]);
      const running = new Set(rows.map((row) => keyOf(row.task_id, row.number)));
      for (const [key, run] of before) if (run.isAwaited && !running.has(key)) run.stop('cancel');
    },
    async stopIfGone(nodeId) {
      const isThere = (run: Run): boolean => run.claimed.lease.nodeId === nodeId;
      if (suspects.has(nodeId) || ![...runs.values()].some(isThere)) return;
      suspects.add(nodeId);
      try {
        const departure = await context.nodes.departure(nodeId);
        if (departure !== null) stop(departure === 'lost' ? 'node-lost' : 'node-drained', isThere);
      } finally {
        suspects.delete(nodeId);
      }
    },
    async ended(timeoutMs) {
      await within(timeoutMs, Promise.all([...runs.values()].map(({ done }) => done)));
    },
  };
}
