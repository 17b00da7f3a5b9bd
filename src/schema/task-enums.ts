import type { TaskPriority, TaskStatus } from '../database/index.ts';
import { builder } from './builder.ts';
import { described } from './described.ts';

export const TaskStatusEnum = builder.enumType('TaskStatus', {
  values: described<TaskStatus>({
    SCHEDULED: 'It waits for its start time',
    BLOCKED: 'It waits for other tasks',
    QUEUED: 'It waits for a slot, for the first time or after a failed attempt',
    RUNNING: 'A node works on it',
    SUCCEEDED: 'Final: its result is there',
    FAILED: 'Final: its error says why; retryTask gives it another go',
    CANCELED: 'Final: somebody canceled it; retryTask gives it another go',
  }),
});

export const TaskPriorityEnum = builder.enumType('TaskPriority', {
  values: described<TaskPriority>({
    LOW: 'When there is nothing better to do; it moves up while it waits',
    NORMAL: 'In the order of arrival',
    HIGH: 'Ahead of what came a while before',
    URGENT: 'Ahead of everything else',
  }),
});
