import type { LimitsView } from '../../nodes/index.ts';
import type { BusySlot, Situation } from './types.ts';

type Job = NonNullable<BusySlot['job']>;

/** What limits leave while jobs start and end. */
export interface Room {
  readonly limits: LimitsView;
  /** How many more the worker processes take on. */
  readonly left: number;
  take(job: Job): void;
  giveBack(job: Job): void;
}

export function createRoom({ limits, room }: Pick<Situation, 'limits' | 'room'>): Room {
  const users = new Map(limits.users);
  const kinds = new Map(limits.kinds);
  const models = new Map(limits.models);
  let left = room;

  function add(job: Job, count: number): void {
    left += count;
    for (const [most, key] of [
      [users, job.userId],
      [kinds, job.kind],
      [models, job.model],
    ] as const) {
      const now = most.get(key);
      if (now !== undefined) most.set(key, now + count);
    }
  }

  return {
    limits: { users, kinds, models },
    get left() {
      return left;
    },
    take: (job) => add(job, -1),
    giveBack: (job) => add(job, 1),
  };
}
