import { encodeId } from '../ids.ts';
import type { TaskFailure } from './types.ts';

/** What a task fails with that did not come to run in time. */
export function deadlineExceeded(attempt: number, last?: TaskFailure): TaskFailure {
  const reason = last ? `; the last attempt failed: ${last.message}` : '';
  return {
    code: 'DEADLINE_EXCEEDED',
    message: `the deadline came before the task could run${reason}`,
    retryable: false,
    attempt,
  };
}

/** What a task fails with whose attempt ended between the beginning of a submission and its answer. */
export function submissionUnknown(last: TaskFailure): TaskFailure {
  const unknown = 'the job may have been submitted to the node all the same';
  const message = `${last.message}; ${unknown}: retryTask submits it, and pays for it, again`;
  return { ...last, message, retryable: false };
}

/** What a task fails with that waits for one, at once or by others in between, which did not succeed. */
export function dependencyFailed(
  attempt: number,
  { id, status }: { readonly id: string; readonly status: 'FAILED' | 'CANCELED' },
): TaskFailure {
  const end = status === 'FAILED' ? 'failed' : 'was canceled';
  const message = `it depends on ${encodeId('Task', id)}, which ${end}: retryTask tries both again`;
  return { code: 'DEPENDENCY_FAILED', message, retryable: false, attempt };
}

/** What an attempt fails with whose process is not heard of any more. */
export function workerLost(attempt: number): TaskFailure {
  return {
    code: 'WORKER_LOST',
    message: 'the process that ran the attempt was lost',
    retryable: true,
    attempt,
  };
}
