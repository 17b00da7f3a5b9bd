import type { Task, TaskEvent, TaskStatus } from '../../sdk/src/index.ts';

/** A task as a server would tell it. */
export function sampleTask(changes: Partial<Task> = {}): Task {
  return {
    __typename: 'Task',
    id: 'task_1',
    kind: 'TEXT_TO_IMAGE',
    model: 'qwen-image',
    queue: 'text-to-image/qwen-image',
    status: 'QUEUED',
    priority: 'NORMAL',
    version: 1,
    input: {},
    labels: {},
    progress: null,
    progressMessage: null,
    preview: null,
    partialText: null,
    queuePosition: null,
    waitingReason: null,
    estimate: null,
    attempt: 0,
    maxAttempts: 3,
    error: null,
    result: null,
    gpuNode: null,
    gpuSeconds: 0,
    startAt: null,
    deadline: null,
    createdAt: '2030-01-01T00:00:00.000Z',
    startedAt: null,
    finishedAt: null,
    updatedAt: '2030-01-01T00:00:00.000Z',
    queuedMs: null,
    runningMs: null,
    ...changes,
  };
}

const eventTypes = {
  SCHEDULED: 'SUBMITTED',
  BLOCKED: 'SUBMITTED',
  QUEUED: 'SUBMITTED',
  RUNNING: 'STARTED',
  SUCCEEDED: 'SUCCEEDED',
  FAILED: 'FAILED',
  CANCELED: 'CANCELED',
} as const;

export function sampleEvent(version: number, status: TaskStatus): TaskEvent {
  return {
    version,
    type: eventTypes[status],
    status,
    attempt: 1,
    at: '2030-01-01T00:00:00.000Z',
    error: null,
  };
}
