import type { TaskEventType, TaskStatus } from '../database/index.ts';

interface Transition {
  readonly from: readonly TaskStatus[];
  /** Where it leads, unless something stands in the way: then to one of the others. */
  readonly to: readonly [TaskStatus, ...TaskStatus[]];
}

/**
 * Every way from one state to another, by the event that tells of it. The first event of a task is SUBMITTED. What
 * waits for others may have to wait for its start time after that; what is retried, for others or for its start time
 * once more.
 */
export const transitions = {
  RELEASED: { from: ['SCHEDULED', 'BLOCKED'], to: ['QUEUED', 'SCHEDULED'] },
  STARTED: { from: ['QUEUED'], to: ['RUNNING'] },
  RETRYING: { from: ['RUNNING'], to: ['QUEUED'] },
  SUCCEEDED: { from: ['RUNNING'], to: ['SUCCEEDED'] },
  FAILED: { from: ['SCHEDULED', 'BLOCKED', 'QUEUED', 'RUNNING'], to: ['FAILED'] },
  CANCELED: { from: ['SCHEDULED', 'BLOCKED', 'QUEUED', 'RUNNING'], to: ['CANCELED'] },
  RETRIED: { from: ['FAILED', 'CANCELED'], to: ['QUEUED', 'BLOCKED', 'SCHEDULED'] },
} as const satisfies Readonly<Record<Exclude<TaskEventType, 'SUBMITTED'>, Transition>>;

export type TransitionEvent = keyof typeof transitions;

export type FinalStatus = Extract<TaskStatus, 'SUCCEEDED' | 'FAILED' | 'CANCELED'>;

const isFinalByStatus = {
  SCHEDULED: false,
  BLOCKED: false,
  QUEUED: false,
  RUNNING: false,
  SUCCEEDED: true,
  FAILED: true,
  CANCELED: true,
} as const satisfies Readonly<Record<TaskStatus, boolean>>;

/** Only `retryTask` leads out of these. */
export function isFinal(status: TaskStatus): status is FinalStatus {
  return isFinalByStatus[status];
}

/** Whether an event may come to a task in that state. */
export function canFollow(status: TaskStatus, event: TransitionEvent): boolean {
  const { from }: Transition = transitions[event];
  return from.includes(status);
}
