import type { Database } from '../database/index.ts';
import type { Log } from '../log.ts';
import { changedSince, currentVersions } from './changes.ts';
import { createRecent } from './recent.ts';
import { createTaskLoader, type TaskRow, type Wanted } from './task-loader.ts';

/** Hears of every task of one user, or of all users. */
interface BroadWatcher {
  readonly userId: string | null;
  changed(row: TaskRow): void;
  /** Tasks changed at or after that time, too many to tell one by one. */
  missed(since: Date): void;
}

type TaskListener = (row: TaskRow | null) => void;

export interface TaskWatch {
  /** Tells the task as it is now, and again after each change; null when there is none. Returns what ends it. */
  one(id: string, changed: TaskListener): () => void;
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

/** Changed tasks at once above which broad watchers read by themselves. */
const MAX_CHANGES = 10_000;
/** How much later than its own time a transaction may become visible. */
const COMMIT_DELAY_MS = 5_000;

interface Watched {
  /** With the number of loads that had begun when each came: what those read may be too old for it. */
  readonly listeners: Map<TaskListener, number>;
  /** As last loaded; undefined before. */
  row: TaskRow | null | undefined;
}

function isFor({ userId }: BroadWatcher, owner: string): boolean {
  return userId === null || userId === owner;
}

/** Tells watchers of the tasks that they watch. Each change is loaded once for this whole process. */
export function createTaskWatch({ database, log }: { database: Database; log: Log }): TaskWatch {
  const watched = new Map<string, Watched>();
  const broad = new Set<BroadWatcher>();
  const recent = createRecent(2 * MAX_CHANGES);
  let checkedAt = database.clock.now();
  const loader = createTaskLoader({
    database,
    log,
    isWanted: (id) => watched.has(id) || broad.size > 0,
    loaded: publish,
  });

  function publish(wanted: Wanted, rows: ReadonlyMap<string, TaskRow>): void {
    for (const [id, hasChanged] of wanted) {
      const row = rows.get(id) ?? null;
      const one = watched.get(id);
      if (one) {
        one.row = row;
        for (const [changed, loads] of one.listeners) if (loads < loader.loads) changed(row);
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

  function isWatchedBroadly(owner: string): boolean {
    for (const watcher of broad) if (isFor(watcher, owner)) return true;
    return false;
  }

  /** From when on changes may have been missed. */
  const unsureSince = (): Date => new Date(checkedAt.getTime() - COMMIT_DELAY_MS);

  async function recheckWatched(): Promise<void> {
    if (watched.size === 0) return;
    const versions = await currentVersions(database.pool, [...watched.keys()]);
    for (const [id, { row }] of watched) {
      // What is not loaded yet is about to be.
      if (row === undefined) continue;
      const now = versions.get(id);
      const isSame = now?.version === row?.version && now?.updatedAt.getTime() === row?.updatedAt.getTime();
      if (!isSame) loader.want(id, true);
    }
  }

  async function recheckBroad(): Promise<void> {
    const [now, since] = [database.clock.now(), unsureSince()];
    if (broad.size > 0) {
      const changes = await changedSince(database.pool, since, MAX_CHANGES + 1);
      if (changes.length > MAX_CHANGES) for (const watcher of broad) watcher.missed(since);
      else {
        for (const { id, userId, version } of changes) {
          if (isWatchedBroadly(userId) && !recent.has(id, version)) loader.want(id, true);
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
      entry.listeners.set(changed, loader.loads);
      loader.want(id, false);
      return () => {
        entry.listeners.delete(changed);
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
      if (watched.has(id)) loader.want(id, true);
      else if (!isWatchedBroadly(userId)) return;
      else if (loader.waiting < MAX_CHANGES) loader.want(id, true);
      else for (const watcher of broad) if (isFor(watcher, userId)) watcher.missed(unsureSince());
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
      watched.clear();
      broad.clear();
      await loader.close();
    },
  };
}
