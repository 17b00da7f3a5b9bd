import type { TaskPriority } from '../database/index.ts';

const ascending = ['LOW', 'NORMAL', 'HIGH', 'URGENT'] as const satisfies readonly TaskPriority[];

/** The priority that holds where `highest` is the most that is allowed. */
export function lowered(priority: TaskPriority, highest: TaskPriority): TaskPriority {
  return ascending.indexOf(priority) > ascending.indexOf(highest) ? highest : priority;
}

/** Below 0 where the first is lower. */
export function compare(a: TaskPriority, b: TaskPriority): number {
  return ascending.indexOf(a) - ascending.indexOf(b);
}
