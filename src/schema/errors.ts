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

/**
 * What a caller can get wrong or must handle: each class of `src/errors.ts` is the GraphQL type of the same
 * name. A mutation lists those it can answer in its union; anything else that is thrown refuses the request
 * (see http/plugins/masking.ts).
 */
const codes: Record<ErrorCode, object> = {
  BAD_USER_INPUT: {},
  NOT_FOUND: {},
  INVALID_STATE: {},
  ALREADY_EXISTS: {},
  INVALID_CREDENTIALS: {},
  IDEMPOTENCY_CONFLICT: {},
  NO_SUCH_MODEL: {},
  QUEUE_FULL: {},
  QUOTA_EXCEEDED: {},
  RATE_LIMITED: {},
};

const ErrorCodeEnum = builder.enumType('ErrorCode', { values: Object.keys(codes) as ErrorCode[] });

const ErrorInterface = builder.interfaceRef<CallerError>('Error').implement({
  description: 'What a caller can get wrong or must handle',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum }),
    message: t.exposeString('message'),
  }),
});

const InputIssueType = builder.objectRef<InputIssue>('InputIssue').implement({
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Dots and indices: task.textToImage.width' }),
    message: t.exposeString('message'),
  }),
});

const interfaces = [ErrorInterface];

builder.objectType(InvalidInputError, {
  name: 'InvalidInputError',
  interfaces,
  fields: (t) => ({
    issues: t.field({ type: [InputIssueType], resolve: ({ issues }) => issues }),
  }),
});
builder.objectType(NotFoundError, { name: 'NotFoundError', interfaces });
builder.objectType(InvalidStateError, {
  name: 'InvalidStateError',
  interfaces,
  fields: (t) => ({ status: t.exposeString('status') }),
});
builder.objectType(AlreadyExistsError, { name: 'AlreadyExistsError', interfaces });
builder.objectType(InvalidCredentialsError, { name: 'InvalidCredentialsError', interfaces });
// Its task is added beside Task.
builder.objectType(IdempotencyConflictError, { name: 'IdempotencyConflictError', interfaces });
builder.objectType(NoSuchModelError, {
  name: 'NoSuchModelError',
  interfaces,
  fields: (t) => ({ nearest: t.stringList({ resolve: ({ nearest }) => [...nearest] }) }),
});
builder.objectType(QueueFullError, {
  name: 'QueueFullError',
  interfaces,
  fields: (t) => ({ retryAfterMs: t.exposeInt('retryAfterMs') }),
});
builder.objectType(QuotaExceededError, {
  name: 'QuotaExceededError',
  interfaces,
  fields: (t) => ({ limit: t.exposeInt('limit') }),
});
builder.objectType(RateLimitedError, {
  name: 'RateLimitedError',
  interfaces,
  fields: (t) => ({ retryAfterMs: t.exposeInt('retryAfterMs') }),
});
