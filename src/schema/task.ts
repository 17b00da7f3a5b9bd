import type { Task, TaskData } from '../database/index.ts';
import { IdempotencyConflictError, NotFoundError } from '../errors.ts';
import { isFinal } from '../events/index.ts';
import { encodeId } from '../ids.ts';
import { kindOf, type MediaReference, queueLabel, type TaskFile } from '../kinds/index.ts';
import type { EstimateRequest, TaskFailure } from '../tasks/index.ts';
import { ArtifactType } from './artifact.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import {
  kindSchemaOf,
  type TaggedOutput,
  TaskKindEnum,
  TaskResultType,
  taggedOutput,
} from './kinds/index.ts';
import { createLoader } from './loader.ts';
import { GpuNodeType } from './node.ts';
import { TaskPriorityEnum, TaskStatusEnum } from './task-enums.ts';
import { TaskErrorType } from './task-error.ts';
import { TaskEstimateType, WaitingReasonEnum } from './task-estimate.ts';
import { UserType } from './user.ts';

/** A task's row, with or without what is wide of it. */
export type TaskShape = Task & { readonly data?: TaskData | null };

const loadData = createLoader(async (ids, { database }) => {
  const rows = await database.prisma.taskData.findMany({ where: { taskId: { in: [...ids] } } });
  return new Map(rows.map((row) => [row.taskId, row]));
});

/** What is wide of a task, read together for many. */
export async function dataOf(task: TaskShape, context: Context): Promise<TaskData> {
  const data = task.data ?? (await loadData(context, task.id));
  // Deleted since its row was read: there is nothing left to tell.
  return (
    data ?? {
      taskId: task.id,
      input: {},
      labels: null,
      result: null,
      error: null,
      inputHash: null,
      texts: null,
    }
  );
}

const loadPreview = createLoader((ids, { tasks }) => tasks.previews(ids));

const loadText = createLoader((ids, { tasks }) => tasks.texts(ids));

const loadQueuePosition = createLoader((ids, { tasks }) => tasks.queuePositions(ids));

const loadEstimate = createLoader(
  (asked: readonly EstimateRequest[], { tasks }) => tasks.estimates(asked),
  ({ taskId }) => taskId,
);

const loadWaitingReason = createLoader((ids, { tasks }) => tasks.waitingReasons(ids));

/** A file of an input, by the API's id of what it is or of the task that makes it. */
function withApiId(reference: MediaReference | TaskFile): object {
  if ('fromTask' in reference) {
    const { taskId, index } = reference.fromTask;
    return { fromTask: { taskId: encodeId('Task', taskId), index } };
  }
  return 'artifactId' in reference
    ? { ...reference, artifactId: encodeId('Artifact', reference.artifactId) }
    : reference;
}

/** A stored input, its artifacts named as the API names them. */
export function withApiIds(kind: string, input: unknown): object {
  const references = new Set<unknown>(kindOf(kind).media(input));
  // Nothing else is a reference, whatever its fields are called: a payload is the caller's own.
  const shown = JSON.parse(
    JSON.stringify(input, (_key, value) => (references.has(value) ? withApiId(value) : value)),
  );
  return kindSchemaOf(kindOf(kind).name).shown?.(shown) ?? shown;
}

/** Its result; null where it has none, or what it made is gone. */
async function resultOf(task: TaskShape, context: Context): Promise<TaggedOutput | null> {
  const output = taggedOutput(task.kind, (await dataOf(task, context)).result);
  const isThere = output === null || (await kindSchemaOf(output.kind).isThere?.(output, context)) !== false;
  return isThere ? output : null;
}

/** What is not over yet lasts until now. */
function elapsedMs(from: Date | null, to: Date | null, { services }: Context): number | null {
  return from && Math.max(0, (to ?? services.database.clock.now()).getTime() - from.getTime());
}

/** Where its waiting began: at the start that was asked for, or else at the submit. */
function queuedSince({ status, startAt, createdAt }: Task): Date | null {
  if (status === 'SCHEDULED' || status === 'BLOCKED') return null;
  return startAt !== null && startAt > createdAt ? startAt : createdAt;
}

export const TaskType = builder.loadableNode('Task', {
  id: { resolve: ({ id }) => id },
  load: (ids: string[], { services }: Context): Promise<TaskShape[]> =>
    services.database.prisma.task.findMany({ where: { id: { in: ids } } }),
  toKey: ({ id }) => id,
  sort: true,
  loaderOptions: { cache: false },
  fields: (t) => ({
    kind: t.field({
      type: TaskKindEnum,
      description: 'What it is to do',
      resolve: ({ kind }) => kindOf(kind).name,
    }),
    model: t.exposeString('model', {
      description: 'With which model: the one that was asked for, or the default at its submit',
    }),
    queue: t.string({
      description: 'Of its kind and model, for people: text-to-image/qwen-image',
      resolve: ({ kind, model }) => queueLabel(kind, model),
    }),
    status: t.expose('status', { type: TaskStatusEnum, description: 'Where it is in its life' }),
    priority: t.expose('priority', {
      type: TaskPriorityEnum,
      description: 'That holds: at most what the tier of its owner allows',
    }),
    version: t.exposeInt('version', { description: 'Counts up by one with every event of the log' }),
    input: t.field({
      type: 'JSONObject',
      description: 'As it was submitted, with the defaults of its kind',
      resolve: async (task, _args, context) => withApiIds(task.kind, (await dataOf(task, context)).input),
    }),
    labels: t.field({
      type: 'JSONObject',
      description: 'As they were submitted; empty where there were none',
      resolve: async (task, _args, context) => ((await dataOf(task, context)).labels ?? {}) as object,
    }),
    progress: t.exposeFloat('progress', {
      nullable: true,
      description: '0 to 1, which it is once it has succeeded; null before that where the node tells none',
    }),
    progressMessage: t.exposeString('progressMessage', {
      nullable: true,
      description: 'What the node says that it is doing',
    }),
    preview: t.field({
      type: ArtifactType,
      nullable: true,
      description:
        'The latest intermediate picture, where the node gives one; null before the first and when the attempt is over',
      resolve: ({ id, status }, _args, context) => (status === 'RUNNING' ? loadPreview(context, id) : null),
    }),
    partialText: t.string({
      nullable: true,
      description:
        'What it has written so far, up to 65,536 characters, where its kind writes text and the node streams it; null before the first word and when the attempt is over',
      resolve: ({ id, status }, _args, context) => (status === 'RUNNING' ? loadText(context, id) : null),
    }),
    queuePosition: t.int({
      nullable: true,
      description: '1 is next; null unless QUEUED',
      resolve: ({ id, status }, _args, context) =>
        status === 'QUEUED' ? loadQueuePosition(context, id) : null,
    }),
    estimate: t.field({
      type: TaskEstimateType,
      nullable: true,
      description: 'While it waits or runs; null rather than a guess',
      resolve: async ({ id: taskId, status }, _args, context) => {
        if (isFinal(status)) return null;
        const position = status === 'QUEUED' ? await loadQueuePosition(context, taskId) : null;
        return loadEstimate(context, { taskId, position });
      },
    }),
    waitingReason: t.field({
      type: WaitingReasonEnum,
      nullable: true,
      description: 'Why it does not run yet; null where it does not wait, or is about to start',
      resolve: ({ id, status }, _args, context) =>
        isFinal(status) || status === 'RUNNING' ? null : loadWaitingReason(context, id),
    }),
    attempt: t.exposeInt('attempt', { description: 'The running or last attempt; 0 before the first' }),
    maxAttempts: t.exposeInt('maxAttempts', { description: 'Tries until it has failed' }),
    error: t.field({
      type: TaskErrorType,
      nullable: true,
      description: 'The last failure',
      resolve: async (task, _args, context) => (await dataOf(task, context)).error as TaskFailure | null,
    }),
    result: t.field({
      type: TaskResultType,
      nullable: true,
      description: 'Null until it has succeeded, and where the document that it made was deleted',
      resolve: (task, _args, context) => resultOf(task, context),
    }),
    gpuNode: t.field({
      type: GpuNodeType,
      nullable: true,
      description: 'Owners see id and name; the rest is for operators',
      resolve: ({ nodeId }) => nodeId,
    }),
    gpuSeconds: t.float({
      description: 'Seconds that its attempts held a slot',
      resolve: ({ gpuMs }) => Number(gpuMs) / 1000,
    }),
    user: t.prismaField({
      type: UserType,
      description: 'Who submitted it',
      // Prisma makes one statement of those that are asked for in one turn.
      resolve: (query, { userId }, _args, { services }) =>
        services.database.prisma.user.findUniqueOrThrow({ ...query, where: { id: userId } }),
    }),
    startAt: t.expose('startAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Not before then, where that was asked for',
    }),
    deadline: t.expose('deadline', {
      type: 'DateTime',
      nullable: true,
      description: 'No attempt starts after it',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was submitted' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its first attempt began',
    }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it became final',
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed' }),
    queuedMs: t.int({
      nullable: true,
      description:
        'From its submit, or its start time, to its first attempt, or until now; null while it is SCHEDULED or BLOCKED',
      resolve: (task, _args, context) =>
        elapsedMs(queuedSince(task), task.startedAt ?? task.finishedAt, context),
    }),
    runningMs: t.int({
      nullable: true,
      description: 'From its first attempt to its end, or until now; null before',
      resolve: ({ startedAt, finishedAt }, _args, context) => elapsedMs(startedAt, finishedAt, context),
    }),
  }),
});

/** A task that has just been written; for unions, whose members are not loaded by themselves. */
export async function writtenTask(context: Context, id: string): Promise<TaskShape> {
  const task = await TaskType.getDataloader(context).load(id);
  if (!task) throw new NotFoundError('the task was deleted in the meantime');
  return task;
}

builder.objectField(IdempotencyConflictError, 'task', (t) =>
  t.field({ type: TaskType, description: 'The one that has the key', resolve: ({ taskId }) => taskId }),
);
