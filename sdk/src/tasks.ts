import { aborting, type CallOptions, type Dependencies, readPages } from './calls.ts';
import { SwitchyardError, unwrap } from './errors.ts';
import {
  CancelTaskDocument,
  type CancelTaskMutation,
  CancelTasksDocument,
  DeleteTaskDocument,
  EstimateTaskDocument,
  type EstimateTaskQuery,
  GetVectorsDocument,
  ListTasksDocument,
  RetryTaskDocument,
  RetryTasksDocument,
  SubmitTaskDocument,
  type SubmitTaskInput,
  type TaskOrder,
  type TaskSpec,
  type TaskWhere,
} from './generated/operations.ts';
import { randomKey } from './random-key.ts';
import { withRetries } from './retry.ts';
import { createTaskStreams, isFinal, isNewer, type Task, type TaskStreams } from './task-streams.ts';

/** When a task is expected to start and to end. */
export type Estimate = NonNullable<EstimateTaskQuery['estimateTask']>;
export type Cancelled = Extract<CancelTaskMutation['cancelTask'], { __typename: 'CancelTaskPayload' }>;

export interface ListOptions extends CallOptions {
  readonly orderBy?: TaskOrder;
  /** Fetched at a time; 1 to 100. */
  readonly pageSize?: number;
}

export interface WaitOptions extends CallOptions {
  /** Called with the task as it was accepted and after every change. */
  readonly onProgress?: (task: Task) => void;
}

export interface RetryOptions extends CallOptions {
  /** What it is to do instead: of the same kind. */
  readonly task?: TaskSpec;
}

export interface BulkOptions extends CallOptions {
  /** Nothing is done, and the count tells what would be. */
  readonly dryRun?: boolean;
}

export interface Tasks extends TaskStreams {
  /**
   * Submits a task and answers when it is stored durably. Without an idempotency key of the caller's it gets
   * one, so that a repeated call after a lost answer is the same task.
   */
  submit(input: SubmitTaskInput, options?: CallOptions): Promise<Task>;
  /** What it would take if submitted now; null where that can't be told. Submits nothing. */
  estimate(input: SubmitTaskInput, options?: CallOptions): Promise<Estimate | null>;
  /** Submits, and answers the task in its final state: look at its `status`. Aborting ends the wait, not the task. */
  submitAndWait(input: SubmitTaskInput, options?: WaitOptions): Promise<Task>;
  /** What an embedding came to, one vector for each text; null where there is none. Other calls leave it out. */
  vectors(id: string, options?: CallOptions): Promise<number[][] | null>;
  /** The caller's tasks that match, page by page as they are read; newest first unless said otherwise. */
  tasks(where?: TaskWhere, options?: ListOptions): AsyncGenerator<Task, void, undefined>;
  cancel(id: string, options?: CallOptions): Promise<Cancelled>;
  /** Puts a failed or canceled task back into its queue, with another input where one is given. */
  retry(id: string, options?: RetryOptions): Promise<Task>;
  /** Retries what matches and failed, or was canceled if `where.status` says so. Answers how many. */
  retryAll(where: TaskWhere, options?: BulkOptions): Promise<number>;
  /** Cancels what matches and has not ended. Answers how many. */
  cancelAll(where: TaskWhere, options?: BulkOptions): Promise<number>;
  /** Deletes a final task with its results. */
  remove(id: string, options?: CallOptions): Promise<void>;
}

export function createTasks({ send, socket, retries }: Dependencies): Tasks {
  const streams = createTaskStreams({ send, socket, retries });

  async function submit(input: SubmitTaskInput, { signal }: CallOptions = {}): Promise<Task> {
    const keyed = { ...input, idempotencyKey: input.idempotencyKey ?? randomKey() };
    const attempt = async () => {
      const { submitTask } = await send(SubmitTaskDocument, { input: keyed }, signal);
      return unwrap(submitTask);
    };
    return withRetries(attempt, { retries, signal });
  }

  async function vectors(id: string, { signal }: CallOptions = {}): Promise<number[][] | null> {
    const answer = await withRetries(() => send(GetVectorsDocument, { id }, signal), { retries, signal });
    const result = answer.task?.result;
    return result?.__typename === 'EmbeddingResult' ? result.vectors : null;
  }

  async function submitAndWait(
    input: SubmitTaskInput,
    { signal, onProgress }: WaitOptions = {},
  ): Promise<Task> {
    const calls = aborting(signal);
    let current = await submit(input, calls);
    onProgress?.(current);
    if (isFinal(current)) return current;
    for await (const next of streams.watch(current.id, calls)) {
      if (isNewer(next, current)) onProgress?.(next);
      current = next;
    }
    if (isFinal(current)) return current;
    throw new SwitchyardError(`task ${current.id} was deleted`, { code: 'NOT_FOUND' });
  }

  function tasks(
    where: TaskWhere = {},
    { orderBy = 'NEWEST', pageSize: first = 50, signal }: ListOptions = {},
  ): AsyncGenerator<Task, void> {
    const fetchPage = async (after: string | null) =>
      (await send(ListTasksDocument, { where, orderBy, first, after }, signal)).tasks;
    return readPages(fetchPage, { retries, signal });
  }

  async function estimate(input: SubmitTaskInput, { signal }: CallOptions = {}): Promise<Estimate | null> {
    const attempt = () => send(EstimateTaskDocument, { input }, signal);
    return (await withRetries(attempt, { retries, signal })).estimateTask;
  }

  return {
    submit,
    estimate,
    submitAndWait,
    vectors,
    tasks,
    ...streams,
    // Cancelling a canceled task answers the same again.
    cancel: (id, { signal } = {}) =>
      withRetries(async () => unwrap((await send(CancelTaskDocument, { id }, signal)).cancelTask), {
        retries,
        signal,
      }),
    retry: async (id, { signal, task } = {}) =>
      unwrap((await send(RetryTaskDocument, { id, task: task ?? null }, signal)).retryTask),
    retryAll: async (where, { signal, dryRun = false } = {}) =>
      unwrap((await send(RetryTasksDocument, { where, dryRun }, signal)).retryTasks).count,
    cancelAll: async (where, { signal, dryRun = false } = {}) =>
      unwrap((await send(CancelTasksDocument, { where, dryRun }, signal)).cancelTasks).count,
    async remove(id, { signal } = {}) {
      unwrap((await send(DeleteTaskDocument, { id }, signal)).deleteTask);
    },
  };
}
