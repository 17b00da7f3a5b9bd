import type { AttemptOutcome, TaskAttempt } from '../database/index.ts';
import type { TaskFailure } from '../tasks/index.ts';
import { builder } from './builder.ts';
import { GpuNodeType } from './node.ts';
import { TaskType } from './task.ts';
import { TaskErrorType } from './task-error.ts';

const AttemptOutcomeEnum = builder.enumType('AttemptOutcome', {
  values: [
    'RUNNING',
    'SUCCEEDED',
    'FAILED',
    'TIMED_OUT',
    'NODE_LOST',
    'WORKER_LOST',
    'CANCELED',
  ] satisfies AttemptOutcome[],
});

const TaskAttemptType = builder.objectRef<TaskAttempt>('TaskAttempt').implement({
  fields: (t) => ({
    number: t.exposeInt('number'),
    gpuNode: t.field({ type: GpuNodeType, nullable: true, resolve: ({ nodeId }) => nodeId }),
    startedAt: t.expose('startedAt', { type: 'DateTime' }),
    endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true }),
    outcome: t.expose('outcome', { type: AttemptOutcomeEnum }),
    error: t.field({
      type: TaskErrorType,
      nullable: true,
      resolve: ({ error }) => error as TaskFailure | null,
    }),
    gpuSeconds: t.float({ resolve: ({ gpuMs }) => gpuMs / 1000 }),
  }),
});

builder.objectField(TaskType, 'attempts', (t) =>
  t.loadableGroup({
    type: TaskAttemptType,
    load: (taskIds: string[], { services }) =>
      services.database.prisma.taskAttempt.findMany({
        where: { taskId: { in: taskIds } },
        orderBy: [{ taskId: 'asc' }, { number: 'asc' }],
      }),
    group: ({ taskId }) => taskId,
    loaderOptions: { cache: false },
    resolve: ({ id }) => id,
  }),
);
