import type { Transaction } from '../database/index.ts';
import { deadlineExceeded, submissionUnknown } from './failures.ts';
import type { AttemptEnd, TaskFailure } from './types.ts';

/** What a failed attempt leads to. */
export type Verdict =
  | { readonly type: 'again'; readonly delaySeconds: number }
  | { readonly type: 'final'; readonly error: TaskFailure };

export type Failure = Extract<AttemptEnd, { type: 'failed' }>;

/** Of a task that runs: none of it changes before the attempt has ended. */
export interface Tries {
  readonly [column: string]: unknown;
  readonly taskId: string;
  /** Tries that count, the running one included. */
  readonly spent: number;
  readonly maxAttempts: number;
  /** Null: no deadline. */
  readonly secondsLeft: number | null;
  /** It was about to submit a job to its node, and nobody knows whether it did. */
  readonly isSubmissionUnknown: boolean;
}

const select = `
  SELECT t.id AS "taskId", t.attempt - t.attempt_base AS spent, t.max_attempts AS "maxAttempts",
         extract(epoch FROM t.deadline - now())::float8 AS "secondsLeft",
         EXISTS (SELECT FROM remote_job r WHERE r.task_id = t.id AND r.handle IS NULL) AS "isSubmissionUnknown"
  FROM task t WHERE t.id = ANY ($1::uuid[])`;

export async function readTries(tx: Transaction, taskIds: readonly string[]): Promise<Map<string, Tries>> {
  if (taskIds.length === 0) return new Map();
  const rows = await tx.query<Tries>(select, [taskIds]);
  return new Map(rows.map((row) => [row.taskId, row]));
}

const FIRST_DELAY_SECONDS = 1;
const LONGEST_DELAY_SECONDS = 60;
/** After an attempt that did not count, where nobody says otherwise: enough not to spin. */
const UNSPENT_DELAY_SECONDS = 0.2;

/** Exponential, and between half and one and a half times that, so that those that failed together come apart. */
export function backoffSeconds(spent: number, random: () => number = Math.random): number {
  const delay = Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (Math.max(1, spent) - 1));
  return delay * (0.5 + random());
}

/**
 * Whether a task is tried again after that failure, and when: never after its deadline.
 * @param earliestMs no sooner than that
 */
export function judge(failure: Failure, tries: Tries, earliestMs = 0): Verdict {
  const { error, spendsAttempt, retryAfterMs } = failure;
  const { spent, maxAttempts, secondsLeft, isSubmissionUnknown } = tries;
  if (isSubmissionUnknown) return { type: 'final', error: submissionUnknown(error) };
  if (spendsAttempt && (!error.retryable || spent >= maxAttempts)) return { type: 'final', error };
  const usual = spendsAttempt ? backoffSeconds(spent) : UNSPENT_DELAY_SECONDS;
  const wanted = retryAfterMs === null ? usual : Math.max(0, retryAfterMs) / 1000;
  const delaySeconds = Math.max(wanted, earliestMs / 1000);
  if (secondsLeft !== null && secondsLeft <= delaySeconds) {
    return { type: 'final', error: deadlineExceeded(error.attempt, error) };
  }
  return { type: 'again', delaySeconds };
}
