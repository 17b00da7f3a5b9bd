import { isOperator, type Viewer } from '../accounts/index.ts';
import type { Prisma } from '../database/index.ts';
import { InvalidInputError, RefusedError } from '../errors.ts';
import type { TaskRow } from '../events/index.ts';
import { decodeId } from '../ids.ts';
import type { TaskErrorCode, TaskFailure } from '../tasks/index.ts';
import { builder } from './builder.ts';
import { TaskKindEnum } from './kinds/index.ts';
import { TaskStatusEnum } from './task-enums.ts';
import { TaskErrorCodeEnum } from './task-error.ts';

export const TaskWhereInput = builder.inputType('TaskWhere', {
  description: 'All that is given must hold',
  fields: (t) => ({
    status: t.field({ type: [TaskStatusEnum], description: 'One of these' }),
    kind: t.field({ type: [TaskKindEnum], description: 'One of these' }),
    model: t.stringList({ description: 'One of these' }),
    errorCode: t.field({ type: [TaskErrorCodeEnum], description: 'Whose last failure is one of these' }),
    labels: t.field({ type: 'JSONObject', description: 'All of these, each with this value' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Submitted later than this' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Submitted earlier than this' }),
    userId: t.id({ description: 'Whose they are; of others for operators only' }),
    batchId: t.id({ description: 'Those of this batch: batch_…' }),
    knowledgeBaseId: t.id({ description: 'Those that read the documents of this knowledge base: kb_…' }),
  }),
});

export type TaskWhere = typeof TaskWhereInput.$inferInput;

/** Which tasks are asked for, as far as the viewer may see them. */
export interface TaskFilter {
  /** Null: everybody's. */
  readonly userId: string | null;
  readonly labels: readonly (readonly [string, string])[];
  /** These are rows' ids. */
  readonly batchId: string | null;
  readonly knowledgeBaseId: string | null;
  readonly where: Omit<TaskWhere, 'labels' | 'userId' | 'batchId' | 'knowledgeBaseId'>;
}

function ownerOf(userId: string | null | undefined, viewer: Viewer): string | null {
  if (userId == null) return isOperator(viewer) ? null : viewer.userId;
  const id = decodeId('User', userId);
  if (id === null)
    throw new InvalidInputError([{ path: 'where.userId', message: 'must be a user id, user_…' }]);
  if (id !== viewer.userId && !isOperator(viewer)) {
    throw new RefusedError('FORBIDDEN', "where.userId: only operators may ask for other users' tasks");
  }
  return id;
}

function baseOf(knowledgeBaseId: string | null | undefined): string | null {
  if (knowledgeBaseId == null) return null;
  const id = decodeId('KnowledgeBase', knowledgeBaseId);
  if (id !== null) return id;
  throw new InvalidInputError([{ path: 'where.knowledgeBaseId', message: 'must be a knowledge base, kb_…' }]);
}

function batchOf(batchId: string | null | undefined): string | null {
  if (batchId == null) return null;
  const id = decodeId('Batch', batchId);
  if (id !== null) return id;
  throw new InvalidInputError([{ path: 'where.batchId', message: 'must be a batch, batch_…' }]);
}

/**
 * @throws InvalidInputError that names the field
 * @throws RefusedError FORBIDDEN for another user's tasks
 */
export function taskFilter(where: TaskWhere | null | undefined, viewer: Viewer): TaskFilter {
  const { labels, userId, batchId, knowledgeBaseId, ...rest } = where ?? {};
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => {
    if (typeof value === 'string') return [key, value] as const;
    throw new InvalidInputError([{ path: `where.labels.${key}`, message: 'must be a string' }]);
  });
  return {
    userId: ownerOf(userId, viewer),
    ...{ batchId: batchOf(batchId), knowledgeBaseId: baseOf(knowledgeBaseId) },
    ...{ labels: pairs, where: rest },
  };
}

const withError = (code: TaskErrorCode) => ({ error: { path: ['code'], equals: code } });

/** The filter as a query. */
export function taskQuery({
  userId,
  batchId,
  knowledgeBaseId,
  labels,
  where,
}: TaskFilter): Prisma.TaskWhereInput {
  return {
    ...(userId === null ? {} : { userId }),
    ...(batchId === null ? {} : { batchTask: { batchId } }),
    ...(knowledgeBaseId === null ? {} : { document: { knowledgeBaseId } }),
    ...(where.status == null ? {} : { status: { in: where.status } }),
    ...(where.kind == null ? {} : { kind: { in: where.kind } }),
    ...(where.model == null ? {} : { model: { in: where.model } }),
    ...(where.errorCode == null ? {} : { data: { OR: where.errorCode.map(withError) } }),
    createdAt: {
      ...(where.createdAfter == null ? {} : { gt: where.createdAfter }),
      ...(where.createdBefore == null ? {} : { lt: where.createdBefore }),
    },
    AND: labels.map(([key, value]) => ({ data: { labels: { path: [key], equals: value } } })),
  };
}

/** Of the document that it reads. */
function baseOfTask({ kind, data }: TaskRow): unknown {
  const input = data?.input as { readonly knowledgeBaseId?: unknown } | undefined;
  return kind === 'DOCUMENT' ? input?.knowledgeBaseId : undefined;
}

/** The same filter for a task at hand, but for its batch. */
export function taskMatches({ userId, knowledgeBaseId, labels, where }: TaskFilter, task: TaskRow): boolean {
  const has = task.data?.labels as Record<string, string> | null | undefined;
  const failure = task.data?.error as TaskFailure | null | undefined;
  return (
    (userId === null || task.userId === userId) &&
    (knowledgeBaseId === null || baseOfTask(task) === knowledgeBaseId) &&
    (where.status == null || where.status.includes(task.status)) &&
    (where.kind == null || where.kind.some((kind) => kind === task.kind)) &&
    (where.model == null || where.model.includes(task.model)) &&
    (where.errorCode == null || where.errorCode.some((code) => code === failure?.code)) &&
    (where.createdAfter == null || task.createdAt > where.createdAfter) &&
    (where.createdBefore == null || task.createdAt < where.createdBefore) &&
    labels.every(([key, value]) => has?.[key] === value)
  );
}
