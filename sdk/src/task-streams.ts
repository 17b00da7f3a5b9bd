import { aborting, type CallOptions, type Dependencies, type WatchOptions } from './calls.ts';
import {
  GetTaskDocument,
  type TaskEventFragment,
  type TaskFragment,
  type TaskStatus,
  WatchTaskDocument,
  WatchTaskEventsDocument,
} from './generated/operations.ts';
import { backOff, withRetries } from './retry.ts';

export type Task = TaskFragment;
export type TaskEvent = TaskEventFragment;

/** A task as it is, and as it becomes. */
export interface TaskStreams {
  /** Null where there is no such task, or it is not the caller's. */
  task(id: string, options?: CallOptions): Promise<Task | null>;
  /**
   * The task as it is, then after every change, until it is final or deleted. Reconnects, and skips what was
   * seen; a slow reader gets the newest state only.
   */
  watch(id: string, options?: WatchOptions): AsyncGenerator<Task, void, undefined>;
  /** The task's log, in order, without a gap or a repeat over reconnects, until its last event is final. */
  events(id: string, options?: WatchOptions): AsyncGenerator<TaskEvent, void, undefined>;
}

const finalStatuses: ReadonlySet<TaskStatus> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED']);

/** Whether only `retry` can change the task any more. */
export function isFinal(task: { readonly status: TaskStatus }): boolean {
  return finalStatuses.has(task.status);
}

/** Whether the later snapshot says anything that the earlier one did not. */
export function isNewer(later: Task, earlier: Task): boolean {
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

/** How far a stream has come. */
interface Seen {
  readonly version: number;
  readonly status?: TaskStatus;
}

export function createTaskStreams({ send, socket, retries }: Dependencies): TaskStreams {
  async function task(id: string, { signal }: CallOptions = {}): Promise<Task | null> {
    const answer = await withRetries(() => send(GetTaskDocument, { id }, signal), { retries, signal });
    return answer.task;
  }

  /** Whether a stream ended before its task did, as when a server shuts down. */
  async function goesOn(id: string, seen: Seen, signal: AbortSignal | undefined): Promise<boolean> {
    if (seen.status !== undefined && isFinal({ status: seen.status })) return false;
    const now = await task(id, aborting(signal));
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

  return { task, watch, events };
}
