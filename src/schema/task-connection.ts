import { builder } from './builder.ts';
import { TaskType } from './task.ts';

/** A page of tasks, whatever they are listed by. */
export const TaskConnection = builder.connectionObject(
  { type: TaskType, name: 'TaskConnection' },
  { name: 'TaskEdge' },
);
