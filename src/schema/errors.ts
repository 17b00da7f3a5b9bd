import {
  AlreadyExistsError,
  type CallerError,
  type ErrorCode,
  IdempotencyConflictError,
  type InputIssue,
  InvalidCredentialsError,
  InvalidInputError,
  InvalidStateError,
  NoSuchModelError,
  NotFoundError,
  QueueFullError,
  QuotaExceededError,
  RateLimitedError,
} from '../errors.ts';
import { builder } from './builder.ts';
import { described } from './described.ts';

/**
 * What a caller can get wrong or must handle: each class of `src/errors.ts` is the GraphQL type of the same
 * name. A mutation lists those it can answer in its union; anything else that is thrown refuses the request
 * (see http/problems.ts).
 */
export const ErrorCodeEnum = builder.enumType('ErrorCode', {
  values: described<ErrorCode>({
    BAD_USER_INPUT: 'InvalidInputError: mend what its issues name',
    NOT_FOUND: 'NotFoundError: there is none with that id, or it is not yours',
    INVALID_STATE: 'InvalidStateError: not in the state that it is in',
    ALREADY_EXISTS: 'AlreadyExistsError: the name is taken',
    INVALID_CREDENTIALS: 'InvalidCredentialsError: a wrong name, password or token, or a disabled account',
    IDEMPOTENCY_CONFLICT: 'IdempotencyConflictError: the key belongs to a task with another input',
    NO_SUCH_MODEL: 'NoSuchModelError: no registered node offers the model',
    QUEUE_FULL: 'QueueFullError: too much is waiting for the model; come back later',
    QUOTA_EXCEEDED: 'QuotaExceededError: you have as many as you may have',
    RATE_LIMITED: 'RateLimitedError: too much in too short a time; come back later',
  }),
});

const ErrorInterface = builder.interfaceRef<CallerError>('Error').implement({
  description: 'What a caller can get wrong or must handle',
  fields: (t) => ({
    code: t.expose('code', {
      type: ErrorCodeEnum,
      description: 'For programs; the same for each type of error',
    }),
    message: t.exposeString('message', { description: 'For people: what is wrong, and what would be right' }),
  }),
});

const InputIssueType = builder.objectRef<InputIssue>('InputIssue').implement({
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Dots and indices: task.textToImage.width' }),
    message: t.exposeString('message', { description: 'What would be right' }),
  }),
});

const interfaces = [ErrorInterface];

builder.objectType(InvalidInputError, {
  name: 'InvalidInputError',
  interfaces,
  fields: (t) => ({
    issues: t.field({
      type: [InputIssueType],
      description: 'Everything that is wrong, each with its place',
      resolve: ({ issues }) => issues,
    }),
  }),
});
builder.objectType(NotFoundError, { name: 'NotFoundError', interfaces });
builder.objectType(InvalidStateError, {
  name: 'InvalidStateError',
  interfaces,
  fields: (t) => ({ status: t.exposeString('status', { description: 'The state that stood in the way' }) }),
});
builder.objectType(AlreadyExistsError, { name: 'AlreadyExistsError', interfaces });
builder.objectType(InvalidCredentialsError, { name: 'InvalidCredentialsError', interfaces });
// Its task is added beside Task.
builder.objectType(IdempotencyConflictError, { name: 'IdempotencyConflictError', interfaces });
builder.objectType(NoSuchModelError, {
  name: 'NoSuchModelError',
  interfaces,
  fields: (t) => ({
    nearest: t.stringList({
      description: 'Offered models with the most similar names',
      resolve: ({ nearest }) => [...nearest],
    }),
  }),
});
builder.objectType(QueueFullError, {
  name: 'QueueFullError',
  interfaces,
  fields: (t) => ({
    retryAfterMs: t.exposeInt('retryAfterMs', { description: 'When it is worth another try' }),
  }),
});
builder.objectType(QuotaExceededError, {
  name: 'QuotaExceededError',
  interfaces,
  fields: (t) => ({
    limit: t.exposeInt('limit', { description: 'How many there may be; of files: megabytes' }),
  }),
});
builder.objectType(RateLimitedError, {
  name: 'RateLimitedError',
  interfaces,
  fields: (t) => ({
    retryAfterMs: t.exposeInt('retryAfterMs', { description: 'When it is worth another try' }),
  }),
});
