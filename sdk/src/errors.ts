import type { ErrorCode, ProblemFragment } from './generated/operations.ts';

/** A member of a mutation's union that says what the caller got wrong or must handle. */
export type Problem = ProblemFragment;

/** Why the server refuses a whole request. */
export type RefusalCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'EVENTS_EXPIRED'
  | 'BAD_USER_INPUT'
  | 'QUERY_TOO_COMPLEX'
  | 'PAYLOAD_TOO_LARGE'
  | 'RATE_LIMITED'
  | 'GRAPHQL_PARSE_FAILED'
  | 'GRAPHQL_VALIDATION_FAILED'
  | 'SERVICE_UNAVAILABLE'
  | 'INTERNAL_SERVER_ERROR';

/** Found by the client itself: the server was not reached, or answered what is not GraphQL. */
export type ClientErrorCode = 'NETWORK_ERROR' | 'BAD_ANSWER';

export type SwitchyardErrorCode = ErrorCode | RefusalCode | ClientErrorCode;

export interface SwitchyardErrorOptions {
  readonly code: SwitchyardErrorCode;
  readonly transient?: boolean;
  readonly retryAfterMs?: number | null;
  readonly problem?: Problem | null;
  readonly requestId?: string | null;
  readonly cause?: unknown;
}

/** What every call of the client fails with, unless its signal was aborted. */
export class SwitchyardError extends Error {
  override readonly name = 'SwitchyardError';
  /** Newer servers may have others. */
  readonly code: SwitchyardErrorCode;
  /** Whether the same call may succeed later. */
  readonly transient: boolean;
  /** How long the server asks to be left alone, in milliseconds. */
  readonly retryAfterMs: number | null;
  /** The union member with its own fields, told apart by `__typename`; null where a whole request was refused. */
  readonly problem: Problem | null;
  /** Of a request that was refused; the server's log has it too. */
  readonly requestId: string | null;

  constructor(message: string, options: SwitchyardErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.transient = options.transient ?? false;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.problem = options.problem ?? null;
    this.requestId = options.requestId ?? null;
  }
}

function isProblem(member: { readonly __typename: string }): member is Problem {
  return 'code' in member && 'message' in member;
}

/**
 * The member of a mutation's union that is no error.
 * @throws SwitchyardError for one that is
 */
export function unwrap<Member extends { readonly __typename: string }>(
  member: Member,
): Exclude<Member, Problem> {
  if (!isProblem(member)) return member as Exclude<Member, Problem>;
  throw new SwitchyardError(describe(member), {
    code: member.code,
    transient: member.code === 'RATE_LIMITED' || member.code === 'QUEUE_FULL',
    retryAfterMs: 'retryAfterMs' in member ? member.retryAfterMs : null,
    problem: member,
  });
}

function describe(problem: Problem): string {
  if (problem.__typename !== 'NoSuchModelError' || problem.nearest.length === 0) return problem.message;
  return problem.nearest.some((name) => problem.message.includes(name))
    ? problem.message
    : `${problem.message}; nearest: ${problem.nearest.join(', ')}`;
}

interface GraphQLErrorShape {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

const transientCodes: ReadonlySet<unknown> = new Set(['RATE_LIMITED', 'SERVICE_UNAVAILABLE']);

/** The error that stands for the `errors` of a GraphQL answer; `transient` where its HTTP status says so. */
export function refusal(errors: readonly GraphQLErrorShape[], transient = false): SwitchyardError {
  const extensions = errors[0]?.extensions ?? {};
  const code = extensions.code as SwitchyardErrorCode | undefined;
  return new SwitchyardError(errors.map(({ message }) => message).join('; '), {
    code: code ?? 'INTERNAL_SERVER_ERROR',
    transient: transient || transientCodes.has(code),
    retryAfterMs: typeof extensions.retryAfterMs === 'number' ? extensions.retryAfterMs : null,
    requestId: typeof extensions.requestId === 'string' ? extensions.requestId : null,
  });
}
