import type { TaskEventType as EventType, TaskEvent } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import type { TaskFailure } from '../tasks/index.ts';
import { builder } from './builder.ts';
import { TaskType } from './task.ts';
import { TaskStatusEnum } from './task-enums.ts';
import { TaskErrorType } from './task-error.ts';

const TaskEventTypeEnum = builder.enumType('TaskEventType', {
  values: [
    'SUBMITTED',
    'RELEASED',
    'STARTED',
    'RETRYING',
    'SUCCEEDED',
    'FAILED',
    'CANCELED',
    'RETRIED',
  ] satisfies EventType[],
});

export const TaskEventType = builder.objectRef<TaskEvent>('TaskEvent').implement({
  fields: (t) => ({
    version: t.exposeInt('version'),
    type: t.expose('type', { type: TaskEventTypeEnum }),
    status: t.expose('status', { type: TaskStatusEnum }),
    attempt: t.exposeInt('attempt'),
    at: t.expose('at', { type: 'DateTime' }),
    error: t.field({
      type: TaskErrorType,
      nullable: true,
      resolve: ({ error }) => error as TaskFailure | null,
    }),
    task: t.field({ type: TaskType, resolve: ({ taskId }) => taskId }),
  }),
});

/** What a task that runs as it should has. */
const TYPICAL_EVENTS = 5;
const DEFAULT_EVENTS = 100;
const MAX_EVENTS = 1000;

builder.objectField(TaskType, 'events', (t) =>
  t.loadableList({
    type: TaskEventType,
    byPath: true,
    args: { first: t.arg.int(), after: t.arg.int({ defaultValue: 0 }) },
    complexity: ({ first }) => ({ field: 1, multiplier: Math.min(first ?? TYPICAL_EVENTS, TYPICAL_EVENTS) }),
    load: async (taskIds: string[], { services }, args) => {
      const first = args.first ?? DEFAULT_EVENTS;
      if (first < 0 || first > MAX_EVENTS) {
        throw new InvalidInputError([{ path: 'first', message: `must be 0 to ${MAX_EVENTS}` }]);
      }
      const events = await services.database.prisma.taskEvent.findMany({
        where: { taskId: { in: taskIds }, version: { gt: args.after ?? 0 } },
        orderBy: [{ taskId: 'asc' }, { version: 'asc' }],
      });
      const byTask = Map.groupBy(events, ({ taskId }) => taskId);
      return taskIds.map((id) => byTask.get(id)?.slice(0, first) ?? []);
    },
    loaderOptions: { cache: false },
    resolve: ({ id }) => id,
  }),
);
