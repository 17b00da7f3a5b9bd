import type { TaskPriority } from '../database/index.ts';

const ascending = ['LOW', 'NORMAL', 'HIGH', 'URGENT'] as const satisfies readonly TaskPriority[];

/** The priority that holds where `highest` is the most that is allowed. */
export function lowered(priority: TaskPriority, highest: TaskPriority): TaskPriority {
  return ascending.indexOf(priority) > ascending.indexOf(highest) ? highest : priority;
}
