import { hostname } from 'node:os';
import type { Artifacts } from '../artifacts/index.ts';
import type { Database } from '../database/index.ts';
import type { Announcement, Carrier, Resync } from '../events/index.ts';
import { type KindName, kindOf } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import type { Nodes } from '../nodes/index.ts';
import type { Tracing } from '../tracing/index.ts';
import { createDispatcher } from './dispatcher.ts';
import { createWorkerLease } from './lease.ts';
import { createPreviews } from './previews.ts';
import { createRuns } from './runs.ts';
import type { LocalWork, WorkerTasks } from './types.ts';

/** Runs tasks on nodes: one per process. */
export interface Worker {
  /** Of its lease; another one after a lease was lost. Null before it has joined. */
  readonly id: string | null;
  /** Joins, and begins to claim. */
  start(): Promise<void>;
  /**
   * Claims no more, lets what runs end for so long, hands the rest back without a try spent, and leaves. What
   * can't be written within `handBackMs`, five seconds by default, is left to the sweeper. Never rejects.
   */
  drain(timeoutMs: number, handBackMs?: number): Promise<void>;
}

export interface WorkerOptions {
  readonly tasks: WorkerTasks;
  readonly nodes: Nodes;
  readonly artifacts: Artifacts;
  readonly carrier: Carrier;
  readonly database: Database;
  /** How many attempts run at once at most. */
  readonly concurrency: number;
  /** How many of them of a kind; what is left out has no limit of its own. */
  readonly kindConcurrency?: Readonly<Partial<Record<KindName, number>>>;
  /** As the tasks have it. */
  readonly leaseMs?: number;
  /** What the worker does by itself; nothing, where it is left out. */
  readonly localWork?: LocalWork;
  readonly tracing?: Tracing | null;
  readonly log: Log;
}

const LEASE_MS = 15_000;
/** After the time of a drain: for calls to end and for the database to take what is handed back. */
const HAND_BACK_MS = 5_000;

export function createWorker(options: WorkerOptions): Worker {
  const { tasks, carrier, concurrency, log, leaseMs = LEASE_MS } = options;
  const draining = new AbortController();
  const gone = new AbortController();
  const dispatcher = createDispatcher({
    async claim(limit) {
      // Under a lease that may be lost, what is claimed would end at once.
      await lease.held(draining.signal);
      if (lease.workerId === null || draining.signal.aborted) return [];
      const claimed = await tasks.claim({ workerId: lease.workerId, limit, kinds: kindRoom() });
      await lease.held(draining.signal);
      return claimed;
    },
    room: () => concurrency - runs.size,
    start: (claimed) => runs.start(claimed),
    log,
  });
  const kindRoom = (): Map<string, number> =>
    new Map(
      Object.entries(options.kindConcurrency ?? {}).map(([kind, most]) => [
        kind,
        Math.max(0, most - runs.count(kind)),
      ]),
    );
  const previews = createPreviews(options);
  const runs = createRuns({
    ...options,
    previews,
    isLeaseFresh: (claimed) => lease.isFresh(claimed),
    gone: gone.signal,
    freed: dispatcher.wake,
  });
  const lease = createWorkerLease({
    leaseMs,
    join: () => tasks.join({ host: hostname(), pid: process.pid, concurrency }),
    async renew(workerId) {
      const isHeld = await tasks.renew(workerId);
      if (isHeld) await runs.stopEnded(workerId);
      return isHeld;
    },
    lost: () => runs.stop('lease-lost'),
    log,
  });
  const logFailure = (error: unknown): void =>
    log.warn({ err: error }, 'an announcement could not be followed');

  function hear(heard: Announcement | Resync): void {
    switch (heard.type) {
      case 'cancel':
        runs.cancel(heard.taskId, heard.attempt);
        break;
      case 'node':
        runs.stopIfGone(heard.id).catch(logFailure);
        break;
      case 'resync':
        if (lease.workerId !== null) runs.stopEnded(lease.workerId).catch(logFailure);
        dispatcher.wake();
        break;
      case 'queue':
      case 'slots':
        dispatcher.wake();
        break;
      case 'task':
      case 'generation':
      case 'account':
        break;
      default:
        heard satisfies never;
    }
  }

  let stopListening = (): void => undefined;
  let dispatching: Promise<void> = Promise.resolve();
  let keeping: Promise<void> = Promise.resolve();

  return {
    get id() {
      return lease.workerId;
    },
    async start() {
      await lease.join(draining.signal);
      stopListening = carrier.listen(hear);
      keeping = lease.keep(gone.signal);
      dispatching = dispatcher.run(draining.signal);
    },
    async drain(timeoutMs, handBackMs = HAND_BACK_MS) {
      draining.abort();
      await dispatching;
      // What nobody waits for any more is not worth waiting for; what the worker does by itself may wait for tasks
      // that it does not claim any more, and goes on elsewhere where it was.
      runs.stop('drain', ({ isAwaited, claimed }) => !isAwaited || kindOf(claimed.kind).isBuiltIn === true);
      await runs.ended(timeoutMs);
      runs.stop('drain');
      await runs.ended(handBackMs);
      await previews.idle(handBackMs);
      gone.abort();
      stopListening();
      await keeping;
      if (lease.workerId === null) return;
      await tasks.leave(lease.workerId).catch((error: unknown) => {
        log.warn({ err: error }, 'the worker could not give back its lease; it runs out by itself');
      });
    },
  };
}
