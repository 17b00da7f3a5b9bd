import type { Database, Prisma } from '../database/index.ts';
import type { Log } from '../log.ts';
import { createBackoff } from './backoff.ts';
import { changedSince, currentVersions } from './changes.ts';
import { createRecent } from './recent.ts';

/** A task as it is stored, its input, labels, result and error with it. */
export type TaskRow = Prisma.TaskGetPayload<{ include: { data: true } }>;

/** Hears of every task of one user, or of all users. */
export interface BroadWatcher {
  readonly userId: string | null;
  changed(row: TaskRow): void;
  /** Tasks changed at or after that time, too many to tell one by one. */
  missed(since: Date): void;
}

export interface TaskWatch {
  /** Tells the task as it is now, and again after each change; null when there is none. Returns what ends it. */
  one(id: string, changed: (row: TaskRow | null) => void): () => void;
  many(watcher: BroadWatcher): () => void;
  /** Somebody said that this task changed. */
  heard(id: string, userId: string): void;
  /** Looks for changes that nobody told of. Never fails; it is repeated. */
  recheck(): Promise<void>;
  /** Whether anybody watches. */
  readonly active: boolean;
  /** Resolves when nothing is being read any more. */
  close(): Promise<void>;
}

const LOAD_SIZE = 200;
/** Changes waiting to be loaded, or missed at once, above which broad watchers read by themselves. */
const MAX_DIRTY = 10_000;
/** How much later than its own time a transaction may become visible. */
const COMMIT_DELAY_MS = 5_000;

interface Watched {
  /** With the number of the last load that had begun before each came: what it read may be too old for it. */
  readonly listeners: Map<(row: TaskRow | null) => void, number>;
  /** As last told; undefined until loaded. */
  row: TaskRow | null | undefined;
}

/**
 * Loads each changed task once for this whole process, in groups without a timer: what changes while a group
 * is being loaded is loaded next.
 */
export function createTaskWatch({ database, log }: { database: Database; log: Log }): TaskWatch {
  const watched = new Map<string, Watched>();
  const broad = new Set<BroadWatcher>();
  /** What to load, and whether it has changed or only somebody new wants to know it. */
  const dirty = new Map<string, boolean>();
  const recent = createRecent(2 * MAX_DIRTY);
  const backoff = createBackoff();
  const closing = new AbortController();
  let checkedAt = database.clock.now();
  let loads = 0;
  let loading: Promise<void> | null = null;

  function reload(id: string, hasChanged: boolean): void {
    dirty.set(id, hasChanged || dirty.get(id) === true);
    // Whatever is asked for in this same turn goes along.
    loading ??= Promise.resolve().then(loadDirty);
  }

  async function loadDirty(): Promise<void> {
    while (dirty.size > 0 && !closing.signal.aborted) {
      const group = new Map([...dirty].slice(0, LOAD_SIZE));
      for (const id of group.keys()) {
        dirty.delete(id);
        // Whoever wanted it may have left.
        if (!watched.has(id) && broad.size === 0) group.delete(id);
      }
      if (group.size === 0) continue;
      loads++;
      const rows = await load([...group.keys()]);
      if (rows) publish(group, rows);
      else for (const [id, hasChanged] of group) reload(id, hasChanged);
    }
    loading = null;
  }

  async function load(ids: string[]): Promise<TaskRow[] | null> {
    try {
      const rows = await database.prisma.task.findMany({
        where: { id: { in: ids } },
        include: { data: true },
      });
      backoff.reset();
      return rows;
    } catch (error) {
      log.warn({ err: error }, 'cannot load changed tasks');
      await backoff.wait(closing.signal);
      return null;
    }
  }

  function publish(group: ReadonlyMap<string, boolean>, rows: readonly TaskRow[]): void {
    const found = new Map(rows.map((row) => [row.id, row]));
    for (const [id, hasChanged] of group) {
      const row = found.get(id) ?? null;
      const one = watched.get(id);
      if (one) {
        one.row = row;
        for (const [changed, after] of one.listeners) if (after < loads) changed(row);
      }
      if (row && hasChanged && broad.size > 0) publishBroadly(row);
    }
  }

  function publishBroadly(row: TaskRow): void {
    recent.add(row.id, row.version);
    for (const watcher of broad) {
      if (!isFor(watcher, row.userId)) continue;
      try {
        watcher.changed(row);
      } catch (error) {
        log.error({ err: error, taskId: row.id }, 'a subscriber failed');
      }
    }
  }

  function isFor(watcher: BroadWatcher, userId: string): boolean {
    return watcher.userId === null || watcher.userId === userId;
  }

  function wanted(userId: string): boolean {
    for (const watcher of broad) if (isFor(watcher, userId)) return true;
    return false;
  }

  async function recheckWatched(): Promise<void> {
    if (watched.size === 0) return;
    const versions = await currentVersions(database.pool, [...watched.keys()]);
    for (const [id, { row }] of watched) {
      const now = versions.get(id);
      // What is not loaded yet is about to be.
      if (row === undefined) continue;
      if (now?.version !== row?.version || now?.progress !== row?.progress) reload(id, true);
    }
  }

  async function recheckBroad(): Promise<void> {
    const now = database.clock.now();
    const since = new Date(checkedAt.getTime() - COMMIT_DELAY_MS);
    if (broad.size > 0) {
      const changes = await changedSince(database.pool, since, MAX_DIRTY + 1);
      if (changes.length > MAX_DIRTY) for (const watcher of broad) watcher.missed(since);
      else {
        for (const { id, userId, version } of changes) {
          if (wanted(userId) && !recent.has(id, version)) reload(id, true);
        }
      }
    }
    checkedAt = now;
  }

  return {
    get active() {
      return watched.size > 0 || broad.size > 0;
    },
    one(id, changed) {
      const entry = watched.get(id) ?? { listeners: new Map(), row: undefined };
      watched.set(id, entry);
      const listener = (row: TaskRow | null): void => changed(row);
      entry.listeners.set(listener, loads);
      reload(id, false);
      return () => {
        entry.listeners.delete(listener);
        if (entry.listeners.size === 0 && watched.get(id) === entry) watched.delete(id);
      };
    },
    many(watcher) {
      if (broad.size === 0) {
        recent.clear();
        checkedAt = database.clock.now();
      }
      broad.add(watcher);
      return () => void broad.delete(watcher);
    },
    heard(id, userId) {
      if (watched.has(id)) return reload(id, true);
      if (!wanted(userId)) return;
      if (dirty.size < MAX_DIRTY) return reload(id, true);
      const since = new Date(checkedAt.getTime() - COMMIT_DELAY_MS);
      for (const entry of broad) if (isFor(entry, userId)) entry.missed(since);
    },
    async recheck() {
      try {
        await recheckWatched();
        await recheckBroad();
      } catch (error) {
        log.warn({ err: error }, 'cannot look for changed tasks');
      }
    },
    async close() {
      closing.abort();
      watched.clear();
      broad.clear();
      await loading;
    },
  };
}
