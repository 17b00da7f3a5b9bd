import type { Transaction } from '../database/index.ts';
import type { JobKey } from '../queue/index.ts';
import type { Core } from './core.ts';

/** A task, and the job that it waits or runs with. */
export interface WithJob {
  readonly queueId: string;
  /** Null where it has none. */
  readonly jobId: string | null;
}

/** The jobs of some tasks, as far as this transaction could lock them. */
export interface JobLocks {
  /** Ids of those that are locked, and not through. */
  readonly live: ReadonlySet<string>;
  /** Ends the jobs of these tasks, whatever their state: a statement for each queue. */
  cancel(tasks: readonly WithJob[]): Promise<void>;
}

/** Locks the jobs of tasks that nobody else has locked, before the tasks themselves: waits for none. */
export async function lockJobsOf(
  { queue: boss }: Core,
  tx: Transaction,
  tasks: readonly WithJob[],
): Promise<JobLocks> {
  const queues = new Map(
    await Promise.all(tasks.map(async ({ queueId }) => [queueId, await boss.get(queueId)] as const)),
  );
  const keyOf = ({ queueId, jobId }: WithJob): JobKey[] => {
    const queue = queues.get(queueId);
    return queue && jobId !== null ? [{ queue, id: jobId }] : [];
  };
  const jobs = await boss.lock(tx, tasks.flatMap(keyOf));
  return {
    live: new Set(jobs.flatMap(({ id, isLive }) => (isLive ? [id] : []))),
    async cancel(ended) {
      for (const [queue, keys] of Map.groupBy(ended.flatMap(keyOf), (key) => key.queue)) {
        await boss.cancel(
          tx,
          queue,
          keys.map(({ id }) => id),
        );
      }
    },
  };
}
