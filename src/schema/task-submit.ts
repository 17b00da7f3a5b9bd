import {
  IdempotencyConflictError,
  InvalidInputError,
  NoSuchModelError,
  QueueFullError,
  QuotaExceededError,
  RateLimitedError,
} from '../errors.ts';
import { estimate, type SubmissionRequest, submit } from '../submission/index.ts';
import { builder } from './builder.ts';
import type { SignedInContext } from './context.ts';
import { kindSchemaOf, readSpec, TaskSpec } from './kinds/index.ts';
import { TaskType, writtenTask } from './task.ts';
import { TaskPriorityEnum } from './task-enums.ts';
import { TaskEstimateType } from './task-estimate.ts';

const TextFromTask = builder.inputType('TextFromTask', {
  description: 'A text that another task writes: this one depends on it. Exactly one of taskId and ref',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        'Stands for the text in the input: {{name}}, in any of its texts. A letter, then up to 63 letters, digits, - or _',
    }),
    taskId: t.id({ description: 'One of your own tasks' }),
    ref: t.string({ description: 'One of the same batch' }),
  }),
});

export const SubmitTaskInput = builder.inputType('SubmitTaskInput', {
  fields: (t) => ({
    task: t.field({ type: TaskSpec, required: true, description: 'What is to be done' }),
    priority: t.field({
      type: TaskPriorityEnum,
      defaultValue: 'NORMAL',
      description: "Lowered to what the caller's tier allows; Task.priority shows what holds",
    }),
    startAt: t.field({
      type: 'DateTime',
      description: 'Not before then; at most a year from now. In the past: at once',
    }),
    timeoutMs: t.int({ description: 'Of one attempt; 10 to 86,400,000. Default by kind: pictures 120,000' }),
    maxAttempts: t.int({ defaultValue: 3, description: 'Tries until it has failed; 1 to 100' }),
    deadline: t.field({ type: 'DateTime', description: 'No attempt starts after it' }),
    idempotencyKey: t.string({ description: 'Same key and input from the same caller: the same task' }),
    waitMs: t.int({
      description: 'Hold the answer until the task is final or this long; at most 60,000',
    }),
    webhookUrl: t.field({
      type: 'URL',
      description:
        'Told of every event of this task, beside the webhooks of its user; signed with the secret that rotateWebhookSecret shows',
    }),
    dependsOn: t.idList({
      description: 'Your own tasks that have to succeed before it; up to 1,000. Until then it is BLOCKED',
    }),
    textsFrom: t.field({
      type: [TextFromTask],
      description: 'Texts that other tasks write, for this one to take into its input',
    }),
    labels: t.field({
      type: 'JSONObject',
      description: 'For the caller, to find tasks by; at most 32, each a string of up to 1,000 characters',
    }),
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

/** What a submission is made from. */
export function requestOf(
  { task, ...options }: typeof SubmitTaskInput.$inferInput,
  { viewer, signals }: SignedInContext,
): SubmissionRequest {
  const { kind, input } = readSpec(task);
  return {
    viewer,
    kind,
    read: (attachments) => kindSchemaOf(kind).read(input, attachments),
    options,
    signals,
  };
}

builder.mutationField('submitTask', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: SubmitTaskResult,
    description: 'Answers when the task is durable, or with waitMs when it is final',
    args: { input: t.arg({ type: SubmitTaskInput, required: true, description: 'The new task' }) },
    resolve: async (_root, { input }, context) => {
      const { taskId, written } = await submit(context.services, requestOf(input, context));
      return written ?? writtenTask(context, taskId);
    },
  }),
);

builder.queryField('estimateTask', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: TaskEstimateType,
    nullable: true,
    description: 'What it would take if submitted now; submits nothing. Null where that cannot be told',
    args: { input: t.arg({ type: SubmitTaskInput, required: true, description: 'As submitTask takes it' }) },
    resolve: (_root, { input }, context) => estimate(context.services, requestOf(input, context)),
  }),
);
