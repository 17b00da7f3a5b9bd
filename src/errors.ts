/**
 * What a caller can get wrong or must handle. Each becomes the member of the same name of a mutation's
 * union; `schema/errors.ts` is the one place that maps them.
 */
export type ErrorCode =
  | 'BAD_USER_INPUT'
  | 'NOT_FOUND'
  | 'INVALID_STATE'
  | 'ALREADY_EXISTS'
  | 'INVALID_CREDENTIALS'
  | 'IDEMPOTENCY_CONFLICT'
  | 'NO_SUCH_MODEL'
  | 'QUEUE_FULL'
  | 'QUOTA_EXCEEDED'
  | 'RATE_LIMITED';

export abstract class CallerError extends Error {
  abstract readonly code: ErrorCode;
}

export interface InputIssue {
  /** Dots and indices: `task.textToImage.width`. */
  readonly path: string;
  /** What would be right. */
  readonly message: string;
}

export class InvalidInputError extends CallerError {
  override readonly name = 'InvalidInputError';
  readonly code = 'BAD_USER_INPUT';
  readonly issues: readonly InputIssue[];

  constructor(issues: readonly InputIssue[]) {
    super(issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '));
    this.issues = issues;
  }
}

export class NotFoundError extends CallerError {
  override readonly name = 'NotFoundError';
  readonly code = 'NOT_FOUND';
}

export class InvalidStateError extends CallerError {
  override readonly name = 'InvalidStateError';
  readonly code = 'INVALID_STATE';
  /** The state that stood in the way. */
  readonly status: string;

  constructor(message: string, status: string) {
    super(message);
    this.status = status;
  }
}

export class AlreadyExistsError extends CallerError {
  override readonly name = 'AlreadyExistsError';
  readonly code = 'ALREADY_EXISTS';
}

export class InvalidCredentialsError extends CallerError {
  override readonly name = 'InvalidCredentialsError';
  readonly code = 'INVALID_CREDENTIALS';
}

export class IdempotencyConflictError extends CallerError {
  override readonly name = 'IdempotencyConflictError';
  readonly code = 'IDEMPOTENCY_CONFLICT';
  /** Row id of the task that has the key, or of the first one of the batch that has it. */
  readonly taskId: string;

  constructor(taskId: string, what: 'task' | 'batch' = 'task') {
    super(`this idempotency key belongs to a ${what} with another input; use a new key for a new ${what}`);
    this.taskId = taskId;
  }
}

export class NoSuchModelError extends CallerError {
  override readonly name = 'NoSuchModelError';
  readonly code = 'NO_SUCH_MODEL';
  /** Offered models with the most similar names. */
  readonly nearest: readonly string[];

  constructor(message: string, nearest: readonly string[]) {
    super(message);
    this.nearest = nearest;
  }
}

export class QueueFullError extends CallerError {
  override readonly name = 'QueueFullError';
  readonly code = 'QUEUE_FULL';
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

export class QuotaExceededError extends CallerError {
  override readonly name = 'QuotaExceededError';
  readonly code = 'QUOTA_EXCEEDED';
  readonly limit: number;

  constructor(message: string, limit: number) {
    super(message);
    this.limit = limit;
  }
}

export class RateLimitedError extends CallerError {
  override readonly name = 'RateLimitedError';
  readonly code = 'RATE_LIMITED';
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Whether it is a limit that refused: the same may be accepted later. */
export function isLimit(error: unknown): error is QueueFullError | QuotaExceededError | RateLimitedError {
  return (
    error instanceof QueueFullError ||
    error instanceof QuotaExceededError ||
    error instanceof RateLimitedError
  );
}

/** Why a whole request is refused: a GraphQL error with this code in its extensions. */
export type RefusalCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'EVENTS_EXPIRED'
  | 'RATE_LIMITED'
  | 'SERVICE_UNAVAILABLE';

export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Why a process can't start, in words for whoever started it: shown without a stack. */
export class StartError extends Error {
  override readonly name: string = 'StartError';
}
