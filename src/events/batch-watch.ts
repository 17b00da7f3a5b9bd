import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../database/index.ts';
import type { Log } from '../log.ts';
import { createBackoff } from './backoff.ts';
import { type BatchState, readBatches, readMembers } from './batch-state.ts';

type BatchListener = (state: BatchState | null) => void;

export interface BatchWatch {
  /** Tells the batch as it is now, and again after changes of its tasks; null when there is none. Returns what ends it. */
  one(id: string, changed: BatchListener): () => void;
  /** Somebody said that this task changed. */
  heard(taskId: string): void;
  /** Looks for changes that nobody told of. */
  recheck(): void;
  readonly active: boolean;
  /** Resolves when nothing is being read any more. */
  close(): Promise<void>;
}

/** A batch is read at most so often, however fast its tasks change. */
const INTERVAL_MS = 100;

interface Watched {
  /** With the number of reads that had begun when each came: what those read may be too old for it. */
  readonly listeners: Map<BatchListener, number>;
  /** Unknown before the first read. */
  members: readonly string[] | null;
}

/** Counts the tasks of watched batches, once for all who watch one: no task is loaded for it. */
export function createBatchWatch({ database, log }: { database: Database; log: Log }): BatchWatch {
  const watched = new Map<string, Watched>();
  const batchOf = new Map<string, string>();
  const closing = new AbortController();
  const backoff = createBackoff();
  let wanted = new Set<string>();
  let reads = 0;
  let running: Promise<void> | null = null;

  function want(id: string): void {
    wanted.add(id);
    // Whatever is wanted in this same turn goes along.
    running ??= Promise.resolve().then(run);
  }

  function forget(id: string, { members }: Watched): void {
    watched.delete(id);
    for (const taskId of members ?? []) batchOf.delete(taskId);
  }

  /** Before their first counts: no change of a member comes unheard from then on. */
  async function learnMembers(ids: readonly string[]): Promise<void> {
    const unknown = ids.filter((id) => watched.get(id)?.members === null);
    if (unknown.length === 0) return;
    const members = await readMembers(database.pool, unknown);
    const byBatch = Map.groupBy(members, ({ batchId }) => batchId);
    for (const id of unknown) {
      const batch = watched.get(id);
      if (!batch) continue;
      batch.members = (byBatch.get(id) ?? []).map(({ taskId }) => taskId);
      for (const taskId of batch.members) batchOf.set(taskId, id);
    }
  }

  async function read(ids: readonly string[]): Promise<void> {
    await learnMembers(ids);
    const states = new Map((await readBatches(database.pool, ids)).map((state) => [state.id, state]));
    for (const id of ids) {
      for (const [changed, joined] of watched.get(id)?.listeners ?? []) {
        if (joined < reads) changed(states.get(id) ?? null);
      }
    }
  }

  async function run(): Promise<void> {
    while (wanted.size > 0 && !closing.signal.aborted) {
      const ids = [...wanted].filter((id) => watched.has(id));
      wanted = new Set();
      reads++;
      try {
        if (ids.length > 0) await read(ids);
        backoff.reset();
        await pause(INTERVAL_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      } catch (error) {
        log.warn({ err: error }, 'cannot count the tasks of batches');
        for (const id of ids) wanted.add(id);
        await backoff.wait(closing.signal);
      }
    }
    running = null;
  }

  return {
    get active() {
      return watched.size > 0;
    },
    one(id, changed) {
      const batch = watched.get(id) ?? { listeners: new Map(), members: null };
      watched.set(id, batch);
      batch.listeners.set(changed, reads);
      want(id);
      return () => {
        batch.listeners.delete(changed);
        if (batch.listeners.size === 0 && watched.get(id) === batch) forget(id, batch);
      };
    },
    heard(taskId) {
      const id = batchOf.get(taskId);
      if (id !== undefined) want(id);
    },
    recheck() {
      for (const id of watched.keys()) want(id);
    },
    async close() {
      closing.abort();
      watched.clear();
      await running;
    },
  };
}
