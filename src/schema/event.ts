import type { TaskEventType as EventType, TaskEvent } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import type { TaskFailure } from '../tasks/index.ts';
import { builder } from './builder.ts';
import { described } from './described.ts';
import { type TaskShape, TaskType } from './task.ts';
import { TaskStatusEnum } from './task-enums.ts';
import { TaskErrorType } from './task-error.ts';

export const TaskEventTypeEnum = builder.enumType('TaskEventType', {
  values: described<EventType>({
    SUBMITTED: 'The task was accepted',
    RELEASED:
      'Its start time came, or what it depends on succeeded: it waits for a slot, or still for its start time',
    STARTED: 'An attempt began on a node',
    RETRYING: 'An attempt failed, and the task goes back to its queue for another one',
    SUCCEEDED: 'The result is there',
    FAILED: 'No attempt is left, or none would help',
    CANCELED: 'Somebody canceled it',
    RETRIED: 'Somebody asked for another go after it was final',
  }),
});

export const TaskEventType = builder.objectRef<TaskEvent>('TaskEvent').implement({
  fields: (t) => ({
    version: t.exposeInt('version', {
      description: '1, 2, 3 … within the task, without a gap; what taskEvents resumes after',
    }),
    type: t.expose('type', { type: TaskEventTypeEnum, description: 'What happened' }),
    status: t.expose('status', { type: TaskStatusEnum, description: 'Of the task from then on' }),
    attempt: t.exposeInt('attempt', {
      description: 'The running or last attempt by then; 0 before the first',
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When it happened' }),
    error: t.field({
      type: TaskErrorType,
      nullable: true,
      description: 'The failure behind RETRYING and FAILED; null otherwise',
      resolve: ({ error }) => error as TaskFailure | null,
    }),
    task: t.field({
      type: TaskType,
      description: 'As it is now, which may be later than the event',
      resolve: ({ taskId }) => taskId,
    }),
  }),
});

/** What a task that runs as it should has. */
const TYPICAL_EVENTS = 5;
const DEFAULT_EVENTS = 100;
const MAX_EVENTS = 1000;

builder.objectField(TaskType, 'events', (t) =>
  t.loadableList({
    type: TaskEventType,
    description: 'The durable log of the task, in order',
    byPath: true,
    args: {
      first: t.arg.int({ description: 'At most so many; 0 to 1,000; default: 100' }),
      after: t.arg.int({ defaultValue: 0, description: 'Only events with a version above it' }),
    },
    complexity: ({ first }) => ({ field: 1, multiplier: Math.min(first ?? TYPICAL_EVENTS, TYPICAL_EVENTS) }),
    load: async (tasks: TaskShape[], { services }, args) => {
      const first = args.first ?? DEFAULT_EVENTS;
      if (first < 0 || first > MAX_EVENTS) {
        throw new InvalidInputError([{ path: 'first', message: `must be 0 to ${MAX_EVENTS}` }]);
      }
      const events = await services.database.prisma.taskEvent.findMany({
        where: { taskId: { in: tasks.map(({ id }) => id) }, version: { gt: args.after ?? 0 } },
        orderBy: [{ taskId: 'asc' }, { version: 'asc' }],
      });
      const byTask = Map.groupBy(events, ({ taskId }) => taskId);
      // What came after the task was read is for a later version to tell.
      return tasks.map(({ id, version }) =>
        (byTask.get(id) ?? []).filter((event) => event.version <= version).slice(0, first),
      );
    },
    loaderOptions: { cache: false },
    resolve: (task) => task,
  }),
);
