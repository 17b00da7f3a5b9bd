import type { TaskPriority, TaskStatus } from '../database/index.ts';
import { builder } from './builder.ts';

export const TaskStatusEnum = builder.enumType('TaskStatus', {
  values: ['SCHEDULED', 'QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED'] satisfies TaskStatus[],
});

export const TaskPriorityEnum = builder.enumType('TaskPriority', {
  values: ['LOW', 'NORMAL', 'HIGH', 'URGENT'] satisfies TaskPriority[],
});
