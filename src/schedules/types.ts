import type { Schedule } from '../database/index.ts';
import type { ErrorCode } from '../errors.ts';
import type { Submission } from '../tasks/index.ts';

/** What a schedule submits each time: all of a submission but what is another each time. */
export type Repeated = Omit<
  Submission,
  'userId' | 'taskId' | 'startAt' | 'deadline' | 'idempotencyKey' | 'inputHash' | 'trace'
> & {
  /** Hexadecimal. */
  readonly inputHash: string;
};

/** @returns what of a submission a schedule keeps, as JSON */
export function repeated(submission: Submission): Repeated {
  const { userId, taskId, startAt, deadline, idempotencyKey, inputHash, trace, ...kept } = submission;
  return { ...kept, inputHash: Buffer.from(inputHash).toString('hex') };
}

/** @returns the submission of that task, for one time */
export function submissionOf({ inputHash, ...kept }: Repeated, userId: string, taskId: string): Submission {
  const each = { userId, taskId, startAt: null, deadline: null, idempotencyKey: null };
  return { ...kept, ...each, inputHash: Buffer.from(inputHash, 'hex') };
}

/** As it was written. */
export const repeatedOf = ({ submission }: Pick<Schedule, 'submission'>): Repeated =>
  submission as unknown as Repeated;

/** Why an occurrence has no task (yet). */
export interface RunError {
  /** Null for what is not the caller's fault. */
  readonly code: ErrorCode | null;
  readonly message: string;
}
