import type { TaskErrorCode, TaskFailure } from '../tasks/index.ts';
import { builder } from './builder.ts';
import { described } from './described.ts';

export const TaskErrorCodeEnum = builder.enumType('TaskErrorCode', {
  values: described<TaskErrorCode>({
    NODE_REJECTED: 'The node will not do this, whoever asks: mend the input',
    NODE_ERROR: 'The node failed at it, or was full',
    NODE_UNREACHABLE: 'The node could not be reached, or the connection to it broke',
    BAD_NODE_ANSWER: 'The node answered something that is no result',
    TIMED_OUT: 'The node did not answer within the timeout of the task',
    WORKER_LOST: 'The process that called the node was stopped or lost',
    DEADLINE_EXCEEDED: 'The deadline came before an attempt could start',
    INPUT_UNAVAILABLE: 'A file of the input could not be fetched or read',
    STORAGE_ERROR: 'What the node made could not be stored',
    DEPENDENCY_FAILED: 'A task that it depends on failed or was canceled, at once or by others in between',
    INTERNAL_ERROR: 'Something that nobody foresaw; the log of the server has it',
  }),
});

/** The failure of an attempt: data of the task, unlike what a caller got wrong. */
export const TaskErrorType = builder.objectRef<TaskFailure>('TaskError').implement({
  fields: (t) => ({
    code: t.expose('code', { type: TaskErrorCodeEnum, description: 'For programs' }),
    message: t.exposeString('message', { description: 'For people; of the node, where it said something' }),
    retryable: t.exposeBoolean('retryable', { description: 'Whether another attempt may do better' }),
    attempt: t.exposeInt('attempt', { description: 'Which attempt failed so' }),
  }),
});
