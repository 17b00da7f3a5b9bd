import type { TaskErrorCode, TaskFailure } from '../tasks/index.ts';
import { builder } from './builder.ts';

const TaskErrorCodeEnum = builder.enumType('TaskErrorCode', {
  values: [
    'NODE_REJECTED',
    'NODE_ERROR',
    'NODE_UNREACHABLE',
    'BAD_NODE_ANSWER',
    'TIMED_OUT',
    'WORKER_LOST',
    'DEADLINE_EXCEEDED',
    'INPUT_UNAVAILABLE',
    'STORAGE_ERROR',
    'INTERNAL_ERROR',
  ] satisfies TaskErrorCode[],
});

/** The failure of an attempt: data of the task, unlike what a caller got wrong. */
export const TaskErrorType = builder.objectRef<TaskFailure>('TaskError').implement({
  fields: (t) => ({
    code: t.expose('code', { type: TaskErrorCodeEnum }),
    message: t.exposeString('message'),
    retryable: t.exposeBoolean('retryable'),
    attempt: t.exposeInt('attempt'),
  }),
});
