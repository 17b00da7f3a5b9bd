import { SwitchyardError, unwrap } from './errors.ts';
import {
  CancelTaskDocument,
  type CancelTaskMutation,
  CancelTasksDocument,
  DeleteTaskDocument,
  EstimateTaskDocument,
  type EstimateTaskQuery,
  GetTaskDocument,
  GetVectorsDocument,
  ListTasksDocument,
  type ListTasksQuery,
  RetryTaskDocument,
  RetryTasksDocument,
  SubmitTaskDocument,
  type SubmitTaskInput,
  type TaskEventFragment,
  type TaskFragment,
  type TaskOrder,
  type TaskSpec,
  type TaskStatus,
  type TaskWhere,
  WatchTaskDocument,
  WatchTaskEventsDocument,
} from './generated/operations.ts';
import type { Send } from './http.ts';
import { randomKey } from './random-key.ts';
import { backOff, withRetries } from './retry.ts';
import type { Socket } from './socket.ts';

export type Task = TaskFragment;
export type TaskEvent = TaskEventFragment;
/** When a task is expected to start and to end. */
export type Estimate = NonNullable<EstimateTaskQuery['estimateTask']>;
export type Cancelled = Extract<CancelTaskMutation['cancelTask'], { __typename: 'CancelTaskPayload' }>;

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface WatchOptions extends CallOptions {
  /** A version that is known already: only what came after it. */
  readonly after?: number;
}

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

export interface Tasks {
  /**
   * Submits a task and answers when it is stored durably. Without an idempotency key of the caller's it gets
   * one, so that a repeated call after a lost answer is the same task.
   */
  submit(input: SubmitTaskInput, options?: CallOptions): Promise<Task>;
  /** What it would take if submitted now; null where that can't be told. Submits nothing. */
  estimate(input: SubmitTaskInput, options?: CallOptions): Promise<Estimate | null>;
  /** Submits, and answers the task in its final state: look at its `status`. Aborting ends the wait, not the task. */
  submitAndWait(input: SubmitTaskInput, options?: WaitOptions): Promise<Task>;
  /** Null where there is no such task, or it is not the caller's. */
  task(id: string, options?: CallOptions): Promise<Task | null>;
  /** What an embedding came to, one vector for each text; null where there is none. Other calls leave it out. */
  vectors(id: string, options?: CallOptions): Promise<number[][] | null>;
  /** The caller's tasks that match, page by page as they are read; newest first unless said otherwise. */
  tasks(where?: TaskWhere, options?: ListOptions): AsyncGenerator<Task, void, undefined>;
  /**
   * The task as it is, then after every change, until it is final or deleted. Reconnects, and skips what was
   * seen; a slow reader gets the newest state only.
   */
  watch(id: string, options?: WatchOptions): AsyncGenerator<Task, void, undefined>;
  /** The task's log, in order, without a gap or a repeat over reconnects, until its last event is final. */
  events(id: string, options?: WatchOptions): AsyncGenerator<TaskEvent, void, undefined>;
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

const finalStatuses: ReadonlySet<TaskStatus> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED']);

/** Whether only `retry` can change the task any more. */
export function isFinal(task: { readonly status: TaskStatus }): boolean {
  return finalStatuses.has(task.status);
}

/** How far a stream has come. */
interface Seen {
  readonly version: number;
  readonly status?: TaskStatus;
}

export interface TasksDependencies {
  readonly send: Send;
  readonly socket: Socket;
  readonly retries: number;
}

export function createTasks({ send, socket, retries }: TasksDependencies): Tasks {
  async function submit(input: SubmitTaskInput, { signal }: CallOptions = {}): Promise<Task> {
    const keyed = { ...input, idempotencyKey: input.idempotencyKey ?? randomKey() };
    const attempt = async () => {
      const { submitTask } = await send(SubmitTaskDocument, { input: keyed }, signal);
      return unwrap(submitTask);
    };
    return withRetries(attempt, { retries, signal });
  }

  async function task(id: string, { signal }: CallOptions = {}): Promise<Task | null> {
    const answer = await withRetries(() => send(GetTaskDocument, { id }, signal), { retries, signal });
    return answer.task;
  }

  async function vectors(id: string, { signal }: CallOptions = {}): Promise<number[][] | null> {
    const answer = await withRetries(() => send(GetVectorsDocument, { id }, signal), { retries, signal });
    const result = answer.task?.result;
    return result?.__typename === 'EmbeddingResult' ? result.vectors : null;
  }

  /** Whether a stream ended before its task did, as when a server shuts down. */
  async function goesOn(id: string, seen: Seen, signal: AbortSignal | undefined): Promise<boolean> {
    if (seen.status !== undefined && isFinal({ status: seen.status })) return false;
    const now = await task(id, signal === undefined ? {} : { signal });
    if (now === null || (isFinal(now) && now.version <= seen.version)) return false;
    await backOff(0, null, signal);
    return true;
  }

  async function* watch(id: string, { after = 0, signal }: WatchOptions = {}): AsyncGenerator<Task, void> {
    let last: Task | undefined;
    do {
      const stream = socket.stream(WatchTaskDocument, () => ({ id }), { signal, latestOnly: true });
      for await (const { taskUpdated } of stream) {
        const isNews = last === undefined ? taskUpdated.version > after : isNewer(taskUpdated, last);
        if (!isNews) continue;
        last = taskUpdated;
        yield taskUpdated;
      }
    } while (await goesOn(id, last ?? { version: after }, signal));
  }

  async function* events(
    id: string,
    { after = 0, signal }: WatchOptions = {},
  ): AsyncGenerator<TaskEvent, void> {
    let last: Seen = { version: after };
    const variables = () => ({ id, after: last.version });
    do {
      for await (const { taskEvents } of socket.stream(WatchTaskEventsDocument, variables, { signal })) {
        if (taskEvents.version <= last.version) continue;
        last = taskEvents;
        yield taskEvents;
      }
    } while (await goesOn(id, last, signal));
  }

  async function submitAndWait(
    input: SubmitTaskInput,
    { signal, onProgress }: WaitOptions = {},
  ): Promise<Task> {
    const calls = signal === undefined ? {} : { signal };
    let current = await submit(input, calls);
    onProgress?.(current);
    if (isFinal(current)) return current;
    for await (const next of watch(current.id, calls)) {
      if (isNewer(next, current)) onProgress?.(next);
      current = next;
    }
    if (isFinal(current)) return current;
    throw new SwitchyardError(`task ${current.id} was deleted`, { code: 'NOT_FOUND' });
  }

  async function* tasks(
    where: TaskWhere = {},
    { orderBy = 'NEWEST', pageSize = 50, signal }: ListOptions = {},
  ): AsyncGenerator<Task, void> {
    for (let after: string | null = null; ; ) {
      const variables = { where, orderBy, first: pageSize, after };
      const page: ListTasksQuery = await withRetries(() => send(ListTasksDocument, variables, signal), {
        retries,
        signal,
      });
      for (const { node } of page.tasks.edges) yield node;
      if (!page.tasks.pageInfo.hasNextPage) return;
      after = page.tasks.pageInfo.endCursor;
    }
  }

  async function estimate(input: SubmitTaskInput, { signal }: CallOptions = {}): Promise<Estimate | null> {
    const attempt = () => send(EstimateTaskDocument, { input }, signal);
    return (await withRetries(attempt, { retries, signal })).estimateTask;
  }

  return {
    submit,
    estimate,
    submitAndWait,
    task,
    vectors,
    tasks,
    watch,
    events,
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

/** Whether the later snapshot says anything that the earlier one did not. */
function isNewer(later: Task, earlier: Task): boolean {
  if (later.version !== earlier.version) return later.version > earlier.version;
  return (
    later.progress !== earlier.progress ||
    later.progressMessage !== earlier.progressMessage ||
    later.preview?.id !== earlier.preview?.id ||
    later.partialText !== earlier.partialText ||
    later.queuePosition !== earlier.queuePosition ||
    later.waitingReason !== earlier.waitingReason
  );
}
