import type { JobView, LimitsView, QueueView } from './types.ts';

/** What limits of concurrency leave while a plan is made. */
export interface Limits {
  allow(queue: QueueView, job: JobView): boolean;
  /** One more starts. */
  take(queue: QueueView, job: JobView): void;
}

export function createLimits({ users, kinds, models }: LimitsView = {}): Limits {
  const left = [users, kinds, models].map((most) => new Map(most));
  const each = (queue: QueueView, job: JobView, visit: (most: Map<string, number>, key: string) => boolean) =>
    left.every((most, n) => visit(most, [job.userId, queue.kind, queue.model][n] ?? ''));
  return {
    allow: (queue, job) => each(queue, job, (most, key) => (most.get(key) ?? 1) > 0),
    take(queue, job) {
      each(queue, job, (most, key) => {
        const count = most.get(key);
        if (count !== undefined) most.set(key, count - 1);
        return true;
      });
    },
  };
}
