import type { Accounts } from '../accounts/index.ts';
import type { Artifacts } from '../artifacts/index.ts';
import type { Log } from '../log.ts';
import type { Nodes } from '../nodes/index.ts';
import type { Queue } from '../queue/index.ts';
import type { Schedules } from '../schedules/index.ts';
import type { Tasks } from '../tasks/index.ts';
import { createWaker } from '../waker.ts';
import type { Webhooks } from '../webhooks/index.ts';
import { stopLeftWork } from './left-work.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

export interface HousekeepingOptions {
  readonly tasks: Pick<
    Tasks,
    | 'sweep'
    | 'leftWork'
    | 'endLeftWork'
    | 'releaseDue'
    | 'failOverdue'
    | 'applyRetention'
    | 'repair'
    | 'rebase'
    | 'forgetShares'
  >;
  readonly nodes: Pick<Nodes, 'connect'>;
  readonly queue: Pick<Queue, 'maintain'>;
  readonly artifacts: Pick<Artifacts, 'collectGarbage' | 'collectUploads'>;
  readonly accounts: Pick<Accounts, 'removeExpired'>;
  readonly schedules: Pick<Schedules, 'runDue' | 'forgetOldRuns'>;
  readonly generations: { applyRetention(signal: AbortSignal): Promise<number> };
  readonly knowledge: { clearParts(): Promise<number>; clearChunks(): Promise<number> };
  readonly webhooks: Pick<Webhooks, 'clean'>;
  readonly log: Log;
}

/** What has to be done now and then. One process at a time does so: run it as a leader. */
export interface Housekeeping {
  /** Returns once the signal has aborted and what was under way has ended. */
  run(signal: AbortSignal): Promise<void>;
}

interface Duty {
  readonly name: string;
  readonly everyMs: number;
  readonly work: (signal: AbortSignal) => Promise<unknown>;
}

export function createHousekeeping(options: HousekeepingOptions): Housekeeping {
  const { tasks, queue, artifacts, accounts, generations, knowledge, schedules, webhooks, log } = options;
  const duties: readonly Duty[] = [
    { name: 'sweep', everyMs: SECOND_MS, work: () => tasks.sweep() },
    { name: 'left work', everyMs: SECOND_MS, work: (signal) => stopLeftWork(options, signal) },
    { name: 'release', everyMs: SECOND_MS / 4, work: () => tasks.releaseDue() },
    { name: 'schedules', everyMs: SECOND_MS, work: (signal) => schedules.runDue(signal) },
    { name: 'deadlines', everyMs: SECOND_MS, work: () => tasks.failOverdue() },
    { name: 'document parts', everyMs: SECOND_MS, work: () => knowledge.clearParts() },
    { name: 'chunks', everyMs: HOUR_MS, work: () => knowledge.clearChunks() },
    { name: 'queue', everyMs: MINUTE_MS, work: () => queue.maintain() },
    { name: 'retention', everyMs: 5 * MINUTE_MS, work: (signal) => tasks.applyRetention(signal) },
    {
      name: 'old generations',
      everyMs: 5 * MINUTE_MS,
      work: (signal) => generations.applyRetention(signal),
    },
    { name: 'repair', everyMs: MINUTE_MS, work: () => tasks.repair('suspects') },
    { name: 'thorough repair', everyMs: HOUR_MS, work: () => tasks.repair('everywhere') },
    { name: 'virtual time', everyMs: HOUR_MS, work: () => tasks.rebase() },
    { name: 'idle shares', everyMs: HOUR_MS, work: () => tasks.forgetShares() },
    { name: 'old runs', everyMs: HOUR_MS, work: () => schedules.forgetOldRuns() },
    { name: 'uploads', everyMs: MINUTE_MS, work: (signal) => artifacts.collectUploads(signal) },
    { name: 'garbage', everyMs: HOUR_MS, work: (signal) => artifacts.collectGarbage({ signal }) },
    { name: 'webhooks', everyMs: 5 * MINUTE_MS, work: (signal) => webhooks.clean(signal) },
    { name: 'credentials', everyMs: HOUR_MS, work: () => accounts.removeExpired() },
  ];

  /** At once, and then so long after each end. A failure is logged, and nothing more. */
  async function repeat({ name, everyMs, work }: Duty, signal: AbortSignal): Promise<void> {
    const waker = createWaker();
    while (!signal.aborted) {
      await work(signal).catch((error: unknown) =>
        log.error({ err: error, duty: name }, 'housekeeping failed'),
      );
      await waker.wait(everyMs, signal);
    }
  }

  return {
    async run(signal) {
      await Promise.all(duties.map((duty) => repeat(duty, signal)));
    },
  };
}
