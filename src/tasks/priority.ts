import type { TaskPriority } from '../database/index.ts';
import type { HeadView } from '../nodes/index.ts';

/**
 * A job's priority, pg-boss's integer of 32 bits, is the time of its arrival: earlier is higher. A task's
 * priority is a head start in time, so that every job is first at last, however many better ones arrive.
 * URGENT ones have a band of their own above all others.
 */
const EPOCH = Date.UTC(2026, 0, 1);
const UNIT_MS = 100;

/** pg-boss's limits, and where URGENT begins: the rest lasts for ten years of arrivals. */
const HIGHEST = 2_147_483_647;
const LOWEST = -2_147_483_648;
const URGENT_ABOVE = 1_000_000_000;

const MINUTE = 60_000 / UNIT_MS;
const headStart = { LOW: 0, NORMAL: 30 * MINUTE, HIGH: 60 * MINUTE } as const satisfies Partial<
  Record<TaskPriority, number>
>;

const ascending = ['LOW', 'NORMAL', 'HIGH', 'URGENT'] as const satisfies readonly TaskPriority[];

function between(lowest: number, value: number, highest: number): number {
  return Math.min(highest, Math.max(lowest, value));
}

/** What a job of that priority that arrives then is served by: higher is first. */
export function jobPriority(priority: TaskPriority, arrival: Date): number {
  const units = Math.floor((arrival.getTime() - EPOCH) / UNIT_MS);
  // Beyond the limits jobs tie, and pg-boss serves ties in the order of their creation.
  if (priority === 'URGENT') return between(URGENT_ABOVE + 1, HIGHEST - units, HIGHEST);
  return between(LOWEST, URGENT_ABOVE - headStart.HIGH + headStart[priority] - units, URGENT_ABOVE);
}

/** How the planner compares jobs of that priority, in whatever queues they are. */
export function orderOf(jobPriority: number): Pick<HeadView, 'band' | 'tag'> {
  return { band: jobPriority > URGENT_ABOVE ? 1 : 0, tag: (-jobPriority * UNIT_MS) / 1_000 };
}

/** The priority that holds where `highest` is the most that is allowed. */
export function lowered(priority: TaskPriority, highest: TaskPriority): TaskPriority {
  return ascending.indexOf(priority) > ascending.indexOf(highest) ? highest : priority;
}
