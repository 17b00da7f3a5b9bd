import { canSee } from '../accounts/index.ts';
import type { Task } from '../database/index.ts';
import { InvalidStateError, NotFoundError } from '../errors.ts';
import { decodeId, encodeId } from '../ids.ts';
import type { CancelOutcome } from '../tasks/index.ts';
import { builder } from './builder.ts';
import type { SignedInContext } from './context.ts';
import { TaskType, writtenTask } from './task.ts';

const CancelOutcomeEnum = builder.enumType('CancelOutcome', {
  description:
    'REMOVED_FROM_QUEUE: it never ran again. STOPPED_ON_NODE: the node confirmed, or its protocol stops on disconnect. ABANDONED: the node works on; its answer is dropped and its slot stays taken until it is free.',
  values: ['REMOVED_FROM_QUEUE', 'STOPPED_ON_NODE', 'ABANDONED'] satisfies CancelOutcome[],
});

const CancelTaskPayload = builder
  .objectRef<{ id: string; outcome: CancelOutcome }>('CancelTaskPayload')
  .implement({
    fields: (t) => ({
      task: t.field({ type: TaskType, resolve: ({ id }) => id }),
      outcome: t.expose('outcome', { type: CancelOutcomeEnum }),
    }),
  });

const DeleteTaskPayload = builder.objectRef<{ id: string }>('DeleteTaskPayload').implement({
  fields: (t) => ({ id: t.exposeID('id') }),
});

const CancelTaskResult = builder.errorUnion('CancelTaskResult', {
  types: [CancelTaskPayload, NotFoundError, InvalidStateError],
  resolveType: () => 'CancelTaskPayload',
});
const RetryTaskResult = builder.errorUnion('RetryTaskResult', {
  types: [TaskType, NotFoundError, InvalidStateError],
  resolveType: () => 'Task',
});
const DeleteTaskResult = builder.errorUnion('DeleteTaskResult', {
  types: [DeleteTaskPayload, NotFoundError, InvalidStateError],
  resolveType: () => 'DeleteTaskPayload',
});

/** The caller's task, or what says that there is none: another's is told in the same words. */
async function ownTask(globalId: string, { services, viewer }: SignedInContext): Promise<Task> {
  const id = decodeId('Task', globalId);
  const task = id && (await services.database.prisma.task.findUnique({ where: { id } }));
  if (!task || !canSee(viewer, task.userId)) throw new NotFoundError('there is no such task');
  return task;
}

builder.mutationFields((t) => ({
  cancelTask: t.withAuth({ signedIn: true }).field({
    type: CancelTaskResult,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, args, context) => {
      const { id } = await ownTask(args.id, context);
      const { outcome } = await context.services.tasks.cancel(id);
      return { id, outcome };
    },
  }),
  retryTask: t.withAuth({ signedIn: true }).field({
    type: RetryTaskResult,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, args, context) => {
      const { id } = await ownTask(args.id, context);
      await context.services.tasks.retry(id);
      return writtenTask(context, id);
    },
  }),
  deleteTask: t.withAuth({ signedIn: true }).field({
    type: DeleteTaskResult,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, args, context) => {
      const { id } = await ownTask(args.id, context);
      await context.services.tasks.remove(id);
      return { id: encodeId('Task', id) };
    },
  }),
}));
