import type { Database, GpuNode, TaskEvent } from '../database/index.ts';
import type { Log } from '../log.ts';
import type { Announcement, Carrier, Resync } from './announcement.ts';
import type { BatchState } from './batch-state.ts';
import { createBatchWatch } from './batch-watch.ts';
import { updatedFrom } from './changes.ts';
import { createEventReader } from './log.ts';
import { createNodeWatch } from './node-watch.ts';
import { createRecheck } from './recheck.ts';
import { createStream, type Source } from './stream.ts';
import { batchSource } from './streams/batch.ts';
import { eventSource } from './streams/events.ts';
import { nodeSource } from './streams/nodes.ts';
import { taskSource } from './streams/task.ts';
import { type TaskReader, type TasksFilter, tasksSource } from './streams/tasks.ts';
import type { TaskRow } from './task-loader.ts';
import { createTaskWatch } from './task-watch.ts';

interface StreamOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal | undefined;
}

/** Live reads. Who reads slowly gets the latest state, and costs no memory meanwhile. */
export interface Feed {
  /**
   * The task as it is now, then after each change; a version comes again only with newer progress. Ends after
   * a final state, and when there is no such task (any more).
   */
  task(id: string, options?: StreamOptions): AsyncIterableIterator<TaskRow>;
  /**
   * Tasks that match: with `since`, first those updated at or after it, the oldest update first; then each
   * that changes. At least once: repeats are told by id and version.
   */
  tasks(filter: TasksFilter, options?: StreamOptions): AsyncIterableIterator<TaskRow>;
  /**
   * The events of a task above version `after`, in order and without a gap. Ends when the last one is final,
   * and when the task is deleted; above the last version it waits.
   * @throws RefusedError EVENTS_EXPIRED, on reading, where events above `after` are kept no more
   */
  taskEvents(id: string, after: number, options?: StreamOptions): AsyncIterableIterator<TaskEvent>;
  /**
   * The batch as it is now, then after events of its tasks, many of them together. Ends when all of them are final,
   * and when there is no such batch (any more).
   */
  batch(id: string, options?: StreamOptions): AsyncIterableIterator<BatchState>;
  /** Every node as it is now, then each that changes. */
  nodes(options?: StreamOptions): AsyncIterableIterator<GpuNode>;
  /** Ends every stream; resolves when nothing is being read any more. */
  close(): Promise<void>;
}

/** How soon a change is found that nobody told of. */
const RECHECK_MS = 2_000;
const RECHECK_PAUSE_MS = 100;
/** Ids that a subscriber keeps while it reads what it missed. */
const REPLAY_PAGE = 1_000;

interface FeedOptions {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly log: Log;
  /** How soon a change is found that nobody told of: 2 seconds. */
  readonly recheckMs?: number;
}

function createTaskReader({ pool, prisma }: Database): TaskReader {
  return {
    updatedFrom: (userId, from) => updatedFrom(pool, { userId, from, limit: REPLAY_PAGE }),
    async load(ids) {
      const rows = await prisma.task.findMany({ where: { id: { in: [...ids] } }, include: { data: true } });
      const found = new Map(rows.map((row) => [row.id, row]));
      return ids.flatMap((id) => found.get(id) ?? []);
    },
  };
}

/** Fans changes out to this process's subscribers. What changed is read once, whatever their number. */
export function createFeed({ database, carrier, log, recheckMs = RECHECK_MS }: FeedOptions): Feed {
  const tasks = createTaskWatch({ database, log });
  const nodes = createNodeWatch({ database, log });
  const batches = createBatchWatch({ database, log });
  const taskReader = createTaskReader(database);
  const eventReader = createEventReader(database);
  const closing = new AbortController();
  const recheck = createRecheck({
    work() {
      nodes.recheck();
      batches.recheck();
      return tasks.recheck();
    },
    isNeeded: () => tasks.active || nodes.active || batches.active,
    everyMs: recheckMs,
    pauseMs: RECHECK_PAUSE_MS,
  });

  function hear(heard: Announcement | Resync): void {
    if (heard.type === 'task') {
      tasks.heard(heard.id, heard.userId);
      batches.heard(heard.id);
    } else if (heard.type === 'node') nodes.heard(heard.id);
    else if (heard.type === 'resync') recheck.soon();
  }
  const stopListening = carrier.listen(hear);

  function open<T extends object>(source: Source<T>, { signal }: StreamOptions): AsyncIterableIterator<T> {
    recheck.start();
    return createStream(source, signal ? [closing.signal, signal] : [closing.signal]);
  }

  return {
    task: (id, options = {}) => open(taskSource(tasks, id), options),
    tasks: (filter, options = {}) => open(tasksSource({ watch: tasks, reader: taskReader, filter }), options),
    taskEvents: (id, after, options = {}) =>
      open(eventSource({ watch: tasks, reader: eventReader, id, after }), options),
    batch: (id, options = {}) => open(batchSource(batches, id), options),
    nodes: (options = {}) => open(nodeSource(nodes), options),
    async close() {
      stopListening();
      closing.abort();
      await Promise.all([recheck.stop(), tasks.close(), nodes.close(), batches.close()]);
    },
  };
}
