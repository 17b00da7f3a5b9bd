import type { AttemptOutcome, TaskAttempt } from '../database/index.ts';
import type { TaskFailure } from '../tasks/index.ts';
import { builder } from './builder.ts';
import { described } from './described.ts';
import { GpuNodeType } from './node.ts';
import { type TaskShape, TaskType } from './task.ts';
import { TaskErrorType } from './task-error.ts';

const AttemptOutcomeEnum = builder.enumType('AttemptOutcome', {
  values: described<AttemptOutcome>({
    RUNNING: 'It is not over',
    SUCCEEDED: 'The node did the work, and its result is stored',
    FAILED:
      'The node refused the work, failed at it or was full; or the work could not be prepared or stored',
    TIMED_OUT: 'The node did not answer within the timeout of the task',
    NODE_LOST: 'The node could not be reached, or the connection to it broke',
    WORKER_LOST: 'The process that ran it was stopped or lost',
    CANCELED: 'Somebody canceled the task meanwhile',
  }),
});

const TaskAttemptType = builder.objectRef<TaskAttempt>('TaskAttempt').implement({
  fields: (t) => ({
    number: t.exposeInt('number', {
      description: '1 is the first; a number is never used again, not even after retryTask',
    }),
    gpuNode: t.field({
      type: GpuNodeType,
      nullable: true,
      description: 'Where it runs or ran',
      resolve: ({ nodeId }) => nodeId,
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it was given a slot' }),
    endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true, description: 'Null while it runs' }),
    outcome: t.expose('outcome', { type: AttemptOutcomeEnum, description: 'How it ended' }),
    error: t.field({
      type: TaskErrorType,
      nullable: true,
      description: 'Why it failed; null where it did not',
      resolve: ({ error }) => error as TaskFailure | null,
    }),
    gpuSeconds: t.float({
      description: 'Seconds that it held its slot',
      resolve: ({ gpuMs }) => gpuMs / 1000,
    }),
  }),
});

/** The attempt as it was when its task was read: what it came to since is for a later version to tell. */
function asOf(task: TaskShape, attempt: TaskAttempt): TaskAttempt[] {
  if (attempt.number > task.attempt) return [];
  if (attempt.number < task.attempt || task.status !== 'RUNNING') return [attempt];
  return [{ ...attempt, outcome: 'RUNNING', endedAt: null, error: null }];
}

builder.objectField(TaskType, 'attempts', (t) =>
  t.loadableList({
    type: TaskAttemptType,
    description: 'Every try on a node, the first one first',
    load: async (tasks: TaskShape[], { services }) => {
      const attempts = await services.database.prisma.taskAttempt.findMany({
        where: { taskId: { in: tasks.map(({ id }) => id) } },
        orderBy: [{ taskId: 'asc' }, { number: 'asc' }],
      });
      const byTask = Map.groupBy(attempts, ({ taskId }) => taskId);
      return tasks.map((task) => (byTask.get(task.id) ?? []).flatMap((attempt) => asOf(task, attempt)));
    },
    loaderOptions: { cache: false },
    resolve: (task) => task,
  }),
);
