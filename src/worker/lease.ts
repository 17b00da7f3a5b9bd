import type { Log } from '../log.ts';
import type { Claimed } from '../tasks/index.ts';
import { createWaker } from '../waker.ts';

export interface WorkerLeaseOptions {
  /** How long the lease runs from each renewal. */
  readonly leaseMs: number;
  /** Takes a lease, as a worker that runs nothing, and answers the worker's id. */
  join(): Promise<string>;
  /** False where the lease is lost. */
  renew(id: string): Promise<boolean>;
  /** All that runs must end at once: it may be somebody else's by now. */
  lost(): void;
  readonly log: Log;
}

/** The lease of a worker process, which covers all that it runs. */
export interface WorkerLease {
  /** Null before it has joined. */
  readonly workerId: string | null;
  /** Joins; keeps trying until the signal aborts. */
  join(signal: AbortSignal): Promise<void>;
  /** Renews until the signal aborts, and joins again where the lease was lost. */
  keep(signal: AbortSignal): Promise<void>;
  /** Resolves once no renewal is late any more, or the signal aborts. For one who waits at a time. */
  held(signal: AbortSignal): Promise<void>;
  /**
   * Whether what was claimed is certainly still this process's own: neither the claim nor the last renewal is
   * older than half a lease. Monotonic, so that a process that was asleep knows it when it wakes.
   */
  isFresh(claimed: Claimed): boolean;
}

export function createWorkerLease(options: WorkerLeaseOptions): WorkerLease {
  const { leaseMs, log } = options;
  const renewMs = leaseMs / 5;
  const waker = createWaker();
  const renewals = createWaker();
  let workerId: string | null = null;
  let askedAt = Number.NEGATIVE_INFINITY;
  let renewedAt = Number.NEGATIVE_INFINITY;
  let joinedAt = Number.NEGATIVE_INFINITY;

  const isLate = (): boolean => performance.now() - renewedAt > leaseMs / 2;

  async function join(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      askedAt = performance.now();
      try {
        workerId = await options.join();
        renewedAt = askedAt;
        joinedAt = performance.now();
        return;
      } catch (error) {
        log.error({ err: error }, 'the worker could not join');
        await waker.wait(renewMs, signal);
      }
    }
  }

  /** @returns false where the lease is lost */
  async function renew(): Promise<boolean> {
    askedAt = performance.now();
    try {
      if (workerId === null || !(await options.renew(workerId))) return false;
      renewedAt = askedAt;
    } catch (error) {
      log.warn({ err: error }, 'the worker could not renew its lease');
    }
    return true;
  }

  return {
    get workerId() {
      return workerId;
    },
    join,
    async keep(signal) {
      let watchdog: NodeJS.Timeout | undefined;
      const watch = (): void => {
        clearTimeout(watchdog);
        watchdog = setTimeout(options.lost, Math.max(0, renewedAt + leaseMs / 2 - performance.now()));
      };
      watch();
      while (!signal.aborted) {
        // A renewal that took long counts from when it was asked for, and so the next one is due sooner.
        await waker.wait(Math.max(0, askedAt + renewMs - performance.now()), signal);
        if (signal.aborted) break;
        // After a sleep this may run before the watchdog does.
        if (isLate()) options.lost();
        if (await renew()) {
          if (isLate()) continue;
        } else {
          log.error('the worker lost its lease');
          options.lost();
          await join(signal);
        }
        watch();
        renewals.wake();
      }
      clearTimeout(watchdog);
    },
    async held(signal) {
      while (isLate() && !signal.aborted) await renewals.wait(renewMs, signal);
    },
    isFresh: ({ claimedAt }) => !isLate() && claimedAt >= joinedAt,
  };
}
