import { canSee } from '../accounts/index.ts';
import type { Task } from '../database/index.ts';
import {
  IdempotencyConflictError,
  InvalidInputError,
  NoSuchModelError,
  NotFoundError,
  QueueFullError,
  QuotaExceededError,
  RateLimitedError,
  RefusedError,
} from '../errors.ts';
import { type BatchState, readBatches } from '../events/index.ts';
import { submitBatch } from '../submission/index.ts';
import { type BatchPage, batchPageKey, readBatchPages } from '../tasks/index.ts';
import { builder } from './builder.ts';
import type { Context, SignedInContext } from './context.ts';
import { live } from './live.ts';
import { createLoader } from './loader.ts';
import { connectionCost, pageOf, pageRequest } from './page.ts';
import { type TaskShape, TaskType } from './task.ts';
import { TaskConnection } from './task-connection.ts';
import { requestOf, SubmitTaskInput } from './task-submit.ts';
import { visible } from './visible.ts';

const loadTasks = createLoader(
  (pages: readonly BatchPage[], { database }) => readBatchPages(database, pages),
  batchPageKey,
);

const BatchType = builder.loadableNode('Batch', {
  description: 'Tasks that were submitted together. Its counts are those of its tasks that were not deleted.',
  id: { resolve: ({ id }) => id },
  load: (ids: string[], { services }: Context): Promise<BatchState[]> =>
    readBatches(services.database.pool, ids),
  toKey: ({ id }) => id,
  sort: true,
  loaderOptions: { cache: false },
  fields: (t) => ({
    tasks: t.field({
      type: TaskConnection,
      description: 'In the order in which they were given, but each behind those that it depends on',
      complexity: connectionCost,
      args: {
        first: t.arg.int({ description: 'How many; 1 to 100; default: 20' }),
        after: t.arg.string({ description: 'The cursor of the last one seen' }),
      },
      resolve: async ({ id: batchId }, args, context) => {
        const page = pageRequest(args, 'asc');
        const asked = { batchId, after: page.id.gt ?? null, take: page.take };
        return pageOf<Task>((await loadTasks(context, asked)) ?? [], page);
      },
    }),
    total: t.exposeInt('total', { description: 'How many tasks it has' }),
    queued: t.exposeInt('queued', {
      description: 'That have not started: those that are SCHEDULED or BLOCKED as well',
    }),
    scheduled: t.exposeInt('scheduled', {
      description: 'Of the queued: those that wait for their start time',
    }),
    blocked: t.exposeInt('blocked', { description: 'Of the queued: those that wait for other tasks' }),
    running: t.exposeInt('running', { description: 'That a node works on' }),
    succeeded: t.exposeInt('succeeded', { description: 'Whose results are there' }),
    failed: t.exposeInt('failed', {
      description: 'That failed, those with DEPENDENCY_FAILED among them',
    }),
    canceled: t.exposeInt('canceled', { description: 'That somebody canceled' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was submitted' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last of its tasks became final; null until then, and once one is retried',
    }),
  }),
});

const BatchTaskInput = builder.inputType('BatchTaskInput', {
  fields: (t) => ({
    ref: t.string({ description: 'What others of the same batch call it; up to 100 characters' }),
    input: t.field({
      type: SubmitTaskInput,
      required: true,
      description: 'As submitTask takes it, but without idempotencyKey and waitMs',
    }),
    dependsOnRefs: t.stringList({
      description: 'Tasks of the same batch that have to succeed before it, wherever they stand in it',
    }),
  }),
});

const SubmitTasksInput = builder.inputType('SubmitTasksInput', {
  fields: (t) => ({
    tasks: t.field({ type: [BatchTaskInput], required: true, description: '1 to 1,000' }),
    idempotencyKey: t.string({
      description: 'Same key and tasks from the same caller: the same batch; up to 255 characters',
    }),
  }),
});

const SubmitTasksResult = builder.errorUnion('SubmitTasksResult', {
  types: [
    BatchType,
    InvalidInputError,
    NoSuchModelError,
    QueueFullError,
    QuotaExceededError,
    RateLimitedError,
    IdempotencyConflictError,
  ],
  resolveType: () => 'Batch',
});

async function findBatch(id: string, { services }: Context): Promise<BatchState | undefined> {
  const [batch] = await readBatches(services.database.pool, [id]);
  return batch;
}

const BATCH_ID = 'Of the batch: batch_…';

builder.mutationField('submitTasks', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: SubmitTasksResult,
    description:
      'Answers when all of the tasks are durable, up to 1,000; where one is refused, none is there',
    args: { input: t.arg({ type: SubmitTasksInput, required: true, description: 'The new tasks' }) },
    resolve: async (_root, { input }, context) => {
      const { batchId } = await submitBatch(context.services, {
        viewer: context.viewer,
        idempotencyKey: input.idempotencyKey,
        tasks: input.tasks.map((task) => ({ ...task, request: requestOf(task.input, context) })),
      });
      const batch = await findBatch(batchId, context);
      if (!batch) throw new NotFoundError('the batch was deleted in the meantime');
      return batch;
    },
  }),
);

function visibleBatch(globalId: string, context: SignedInContext): Promise<BatchState | null> {
  return visible(['Batch', globalId], context, (id) => findBatch(id, context));
}

builder.queryField('batch', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: BatchType,
    nullable: true,
    description: "Null where it does not exist or is not the caller's",
    args: { id: t.arg.id({ required: true, description: BATCH_ID }) },
    resolve: (_root, args, context) => visibleBatch(args.id, context),
  }),
);

builder.subscriptionField('batchUpdated', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: BatchType,
    description:
      'The batch as it is now, then after events of its tasks, many of them together; completes when all of them are final, or it is deleted',
    args: { id: t.arg.id({ required: true, description: BATCH_ID }) },
    subscribe: async (_root, args, context) => {
      const batch = await visibleBatch(args.id, context);
      if (!batch) throw new RefusedError('NOT_FOUND', 'there is no such batch');
      return live(context, {
        open: (signal) => context.services.feed.batch(batch.id, { signal }),
        may: (viewer) => canSee(viewer, batch.userId),
      });
    },
    resolve: (batch) => batch,
  }),
);

const loadMembership = createLoader(async (ids, { database }) => {
  const rows = await database.prisma.batchTask.findMany({ where: { taskId: { in: [...ids] } } });
  return new Map(rows.map((row) => [row.taskId, row]));
});

const loadParents = createLoader(async (ids, { database }): Promise<Map<string, Task[]>> => {
  const edges = await database.prisma.taskDependency.findMany({ where: { childId: { in: [...ids] } } });
  if (edges.length === 0) return new Map();
  const parents = await database.prisma.task.findMany({
    where: { id: { in: [...new Set(edges.map(({ parentId }) => parentId))] } },
  });
  const byId = new Map(parents.map((task) => [task.id, task]));
  const byChild = Map.groupBy(edges, ({ childId }) => childId);
  return new Map(
    [...byChild].map(([childId, own]) => [childId, own.flatMap(({ parentId }) => byId.get(parentId) ?? [])]),
  );
});

builder.objectFields(TaskType, (t) => ({
  dependsOn: t.field({
    type: [TaskType],
    description: 'What has to succeed before it can run; without what was deleted since',
    resolve: async ({ id }, _args, context): Promise<TaskShape[]> =>
      ((await loadParents(context, id)) ?? []).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  }),
  batch: t.field({
    type: BatchType,
    nullable: true,
    description: 'What it was submitted with; null where that was by itself',
    resolve: async ({ id }, _args, context) => (await loadMembership(context, id))?.batchId,
  }),
  ref: t.string({
    nullable: true,
    description: 'What its batch calls it',
    resolve: async ({ id }, _args, context) => (await loadMembership(context, id))?.ref ?? null,
  }),
}));
