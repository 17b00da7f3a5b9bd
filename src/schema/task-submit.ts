import {
  IdempotencyConflictError,
  InvalidInputError,
  NoSuchModelError,
  QueueFullError,
  QuotaExceededError,
  RateLimitedError,
} from '../errors.ts';
import { submit } from '../submission/index.ts';
import { builder } from './builder.ts';
import { kindSchemaOf, readSpec, TaskSpec } from './kinds/index.ts';
import { TaskType, writtenTask } from './task.ts';
import { TaskPriorityEnum } from './task-enums.ts';

const SubmitTaskInput = builder.inputType('SubmitTaskInput', {
  fields: (t) => ({
    task: t.field({ type: TaskSpec, required: true }),
    priority: t.field({
      type: TaskPriorityEnum,
      defaultValue: 'NORMAL',
      description: "Lowered to what the caller's tier allows; Task.priority shows what holds",
    }),
    startAt: t.field({ type: 'DateTime' }),
    timeoutMs: t.int({ description: 'Of one attempt. Default by kind: pictures 120,000' }),
    maxAttempts: t.int({ defaultValue: 3 }),
    deadline: t.field({ type: 'DateTime', description: 'No attempt starts after it' }),
    idempotencyKey: t.string({ description: 'Same key and input from the same caller: the same task' }),
    waitMs: t.int({
      description: 'Hold the answer until the task is final or this long; at most 60,000',
    }),
    labels: t.field({ type: 'JSONObject' }),
  }),
});

const SubmitTaskResult = builder.errorUnion('SubmitTaskResult', {
  types: [
    TaskType,
    InvalidInputError,
    NoSuchModelError,
    QueueFullError,
    QuotaExceededError,
    RateLimitedError,
    IdempotencyConflictError,
  ],
  resolveType: () => 'Task',
});

builder.mutationField('submitTask', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: SubmitTaskResult,
    args: { input: t.arg({ type: SubmitTaskInput, required: true }) },
    resolve: async (_root, { input: { task, ...options } }, context) => {
      const { services, viewer, signals } = context;
      const { kind, input } = readSpec(task);
      const { taskId, written } = await submit(services, {
        viewer,
        kind,
        read: (attachments) => kindSchemaOf(kind).read(input, attachments),
        options,
        signals,
      });
      return written ?? writtenTask(context, taskId);
    },
  }),
);
