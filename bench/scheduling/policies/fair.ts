import { finishAfter, tagsUpTo, timeAt } from '../../../src/tasks/fair/tags.ts';
import type { Job } from '../scenario.ts';
import type { Order } from './planner.ts';

/** Start-time fair queueing by the arithmetic of production: users of equal weight, each charged the estimate. */
export function createFairOrder(): Order {
  const finishes = new Map<number, number>();
  const tags = new Map<Job, number>();
  let time = 0;
  return {
    tag(job) {
      const known = tags.get(job);
      if (known !== undefined) return known;
      const finish = finishAfter(finishes.get(job.user) ?? 0, time, job.estimate);
      finishes.set(job.user, finish);
      const [tag = finish] = tagsUpTo(finish, [job.estimate]);
      tags.set(job, tag);
      return tag;
    },
    started(job) {
      time = Math.max(time, timeAt(tags.get(job) ?? 0, 'NORMAL'));
    },
  };
}
