import { canSee } from '../accounts/index.ts';
import type { Task } from '../database/index.ts';
import { InvalidInputError, RefusedError } from '../errors.ts';
import type { TaskRow } from '../events/index.ts';
import { builder } from './builder.ts';
import type { SignedInContext } from './context.ts';
import { TaskEventType } from './event.ts';
import { live } from './live.ts';
import { TaskType } from './task.ts';
import { type TaskFilter, TaskWhereInput, taskFilter, taskMatches } from './task-where.ts';
import { visibleTask } from './visible.ts';

async function watchedTask(globalId: string, context: SignedInContext): Promise<Task> {
  const task = await visibleTask(globalId, context);
  if (!task) throw new RefusedError('NOT_FOUND', 'there is no such task');
  return task;
}

/** Of the batch that is asked for, which never has others; null where none is. */
async function membersOf(
  { batchId }: TaskFilter,
  { services }: SignedInContext,
): Promise<ReadonlySet<string> | null> {
  if (batchId === null) return null;
  const rows = await services.database.prisma.batchTask.findMany({ where: { batchId } });
  return new Set(rows.map(({ taskId }) => taskId));
}

const TASK_ID = 'Of the task: task_…';

builder.subscriptionFields((t) => ({
  taskUpdated: t.withAuth({ signedIn: true }).field({
    type: TaskType,
    description:
      'The task as it is now, then after every change; completes when it is final or deleted. May repeat a version with newer progress.',
    args: { id: t.arg.id({ required: true, description: TASK_ID }) },
    subscribe: async (_root, args, context) => {
      const { id, userId } = await watchedTask(args.id, context);
      return live(context, {
        open: (signal) => context.services.feed.task(id, { signal }),
        may: (viewer) => canSee(viewer, userId),
      });
    },
    resolve: (task) => task,
  }),
  tasksUpdated: t.withAuth({ signedIn: true }).field({
    type: TaskType,
    description:
      'Live changes of every task the caller may see that matches; with since, first each one updated at or after it (at least once: tell repeats by id and version)',
    args: {
      where: t.arg({ type: TaskWhereInput, description: 'Which of them; left out: all' }),
      since: t.arg({
        type: 'DateTime',
        description: 'For who comes back: the updatedAt of the last one seen',
      }),
    },
    subscribe: async (_root, { where, since }, context) => {
      const filter = taskFilter(where, context.viewer);
      const members = await membersOf(filter, context);
      const matches = (task: TaskRow): boolean =>
        taskMatches(filter, task) && (members === null || members.has(task.id));
      return live(context, {
        open: (signal) => context.services.feed.tasks({ userId: filter.userId, matches, since }, { signal }),
        may: (viewer, task) => canSee(viewer, task.userId),
      });
    },
    resolve: (task) => task,
  }),
  taskEvents: t.withAuth({ signedIn: true }).field({
    type: TaskEventType,
    description:
      'The durable log after that version, in order, without a gap; completes when its last event is final',
    args: {
      id: t.arg.id({ required: true, description: TASK_ID }),
      after: t.arg.int({ defaultValue: 0, description: 'The last version seen; 0: from the beginning' }),
    },
    subscribe: async (_root, args, context) => {
      const after = args.after ?? 0;
      if (after < 0) throw new InvalidInputError([{ path: 'after', message: 'must be 0 or more' }]);
      const { id, userId } = await watchedTask(args.id, context);
      return live(context, {
        open: (signal) => context.services.feed.taskEvents(id, after, { signal }),
        may: (viewer) => canSee(viewer, userId),
      });
    },
    resolve: (event) => event,
  }),
}));
