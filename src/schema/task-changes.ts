import type { Task } from '../database/index.ts';
import { InvalidInputError, InvalidStateError, NoSuchModelError, NotFoundError } from '../errors.ts';
import { isFinal } from '../events/index.ts';
import { encodeId } from '../ids.ts';
import { kindOf } from '../kinds/index.ts';
import { prepareEdit, type SubmissionRequest } from '../submission/index.ts';
import type { CancelOutcome, Edit } from '../tasks/index.ts';
import { builder } from './builder.ts';
import type { SignedInContext } from './context.ts';
import { described } from './described.ts';
import { kindSchemaOf, readSpec, TaskSpec } from './kinds/index.ts';
import { TaskType, writtenTask } from './task.ts';
import { visibleTask } from './visible.ts';

const CancelOutcomeEnum = builder.enumType('CancelOutcome', {
  description: 'What a cancel came to',
  values: described<CancelOutcome>({
    REMOVED_FROM_QUEUE: 'It never ran again',
    STOPPED_ON_NODE: 'The node confirmed, or its protocol stops on disconnect',
    ABANDONED: 'The node works on; its answer is dropped and its slot stays taken until it is free',
  }),
});

const CancelTaskPayload = builder
  .objectRef<{ id: string; outcome: CancelOutcome }>('CancelTaskPayload')
  .implement({
    fields: (t) => ({
      task: t.field({ type: TaskType, description: 'Canceled by now', resolve: ({ id }) => id }),
      outcome: t.expose('outcome', { type: CancelOutcomeEnum, description: 'What became of its work' }),
    }),
  });

const DeleteTaskPayload = builder.objectRef<{ id: string }>('DeleteTaskPayload').implement({
  fields: (t) => ({ id: t.exposeID('id', { description: 'Of the deleted task' }) }),
});

const CancelTaskResult = builder.errorUnion('CancelTaskResult', {
  types: [CancelTaskPayload, NotFoundError, InvalidStateError],
  resolveType: () => 'CancelTaskPayload',
});
const RetryTaskResult = builder.errorUnion('RetryTaskResult', {
  types: [TaskType, NotFoundError, InvalidStateError, InvalidInputError, NoSuchModelError],
  resolveType: () => 'Task',
});
const DeleteTaskResult = builder.errorUnion('DeleteTaskResult', {
  types: [DeleteTaskPayload, NotFoundError, InvalidStateError],
  resolveType: () => 'DeleteTaskPayload',
});

/** The caller's task, or what says that there is none: another's is told in the same words. */
async function ownTask(globalId: string, context: SignedInContext): Promise<Task> {
  const task = await visibleTask(globalId, context);
  if (!task) throw new NotFoundError('there is no such task');
  return task;
}

/** Another input for the task, as its owner would give it. @throws InvalidInputError */
async function editOf(
  { id, kind: name, userId, status }: Task,
  spec: typeof TaskSpec.$inferInput,
  { services, viewer, signals }: SignedInContext,
): Promise<Edit> {
  const { kind, input } = readSpec(spec);
  if (kind !== name) {
    const { field } = kindOf(name);
    throw new InvalidInputError([{ path: 'task', message: `must be ${field}: a task keeps its kind` }]);
  }
  // Before its files are stored for nothing; the retry itself decides.
  if (!isFinal(status)) {
    throw new InvalidStateError(
      `only a task that failed or was canceled can be retried: it is ${status}`,
      status,
    );
  }
  const read: SubmissionRequest['read'] = (attachments) => kindSchemaOf(kind).read(input, attachments);
  const request = { viewer: { ...viewer, userId }, kind, read, options: {}, signals };
  const edges = await services.database.prisma.taskDependency.findMany({ where: { childId: id } });
  return prepareEdit(services, request, new Set(edges.map(({ parentId }) => parentId)));
}

const TASK_ID = 'Of the task: task_…';

builder.mutationFields((t) => ({
  cancelTask: t.withAuth({ signedIn: true }).field({
    type: CancelTaskResult,
    description: 'Ends a task that is not final, and its work on the node where that is possible',
    args: { id: t.arg.id({ required: true, description: TASK_ID }) },
    resolve: async (_root, args, context) => {
      const { id } = await ownTask(args.id, context);
      const { outcome } = await context.services.tasks.cancel(id, context.viewer.userId);
      return { id, outcome };
    },
  }),
  retryTask: t.withAuth({ signedIn: true }).field({
    type: RetryTaskResult,
    description:
      'Queues a failed or canceled task again, with all its attempts anew; or BLOCKED or SCHEDULED, where it has to wait for other tasks or its start time. With it goes whatever it depends on and did not succeed, and whatever failed with DEPENDENCY_FAILED for nothing but one of these',
    args: {
      id: t.arg.id({ required: true, description: TASK_ID }),
      task: t.arg({
        type: TaskSpec,
        description:
          'What it is to do instead: of the same kind. Without a model: with the one that it had. Its events keep the former input',
      }),
    },
    resolve: async (_root, args, context) => {
      const task = await ownTask(args.id, context);
      const edit = args.task ? { edit: await editOf(task, args.task, context) } : {};
      await context.services.tasks.retry(task.id, { by: context.viewer.userId, ...edit });
      return writtenTask(context, task.id);
    },
  }),
  deleteTask: t.withAuth({ signedIn: true }).field({
    type: DeleteTaskResult,
    description: 'Removes a final task with its log, and the files that no other task names',
    args: { id: t.arg.id({ required: true, description: TASK_ID }) },
    resolve: async (_root, args, context) => {
      const { id } = await ownTask(args.id, context);
      await context.services.tasks.remove(id);
      return { id: encodeId('Task', id) };
    },
  }),
}));
