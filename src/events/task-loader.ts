import type { Database, Prisma } from '../database/index.ts';
import type { Log } from '../log.ts';
import { createBackoff } from './backoff.ts';

/** A task as it is stored, its input, labels, result and error with it. */
export type TaskRow = Prisma.TaskGetPayload<{ include: { data: true } }>;

/** What was asked for: ids, and whether each task has changed or only somebody new wants to know it. */
export type Wanted = ReadonlyMap<string, boolean>;

export interface TaskLoader {
  want(id: string, hasChanged: boolean): void;
  /** Ids that wait to be loaded. */
  readonly waiting: number;
  /** How many loads have begun: what the latest of them reads may be older than what is wanted from now on. */
  readonly loads: number;
  /** Resolves when nothing is being read any more. */
  close(): Promise<void>;
}

export interface TaskLoaderOptions {
  readonly database: Database;
  readonly log: Log;
  /** Whether anybody still wants that task. */
  isWanted(id: string): boolean;
  /** Hears what each load found; tasks that are not there are gone. Must not throw. */
  loaded(wanted: Wanted, rows: ReadonlyMap<string, TaskRow>): void;
}

const LOAD_SIZE = 200;

/**
 * Loads tasks in groups without a timer: what is wanted while a group is being loaded is loaded next. While the
 * database is away it tries again.
 */
export function createTaskLoader({ database, log, isWanted, loaded }: TaskLoaderOptions): TaskLoader {
  const waiting = new Map<string, boolean>();
  const backoff = createBackoff();
  const closing = new AbortController();
  let loads = 0;
  let running: Promise<void> | null = null;

  function want(id: string, hasChanged: boolean): void {
    waiting.set(id, hasChanged || waiting.get(id) === true);
    // Whatever is wanted in this same turn goes along.
    running ??= Promise.resolve().then(run);
  }

  function takeGroup(): Map<string, boolean> {
    const group = new Map<string, boolean>();
    for (const [id, hasChanged] of waiting) {
      if (group.size === LOAD_SIZE) break;
      waiting.delete(id);
      // Whoever wanted it may have left.
      if (isWanted(id)) group.set(id, hasChanged);
    }
    return group;
  }

  async function run(): Promise<void> {
    while (waiting.size > 0 && !closing.signal.aborted) {
      const group = takeGroup();
      if (group.size === 0) continue;
      loads++;
      const rows = await load([...group.keys()]);
      if (rows) loaded(group, rows);
      else for (const [id, hasChanged] of group) want(id, hasChanged);
    }
    running = null;
  }

  async function load(ids: string[]): Promise<Map<string, TaskRow> | null> {
    try {
      const where = { id: { in: ids } };
      const rows = await database.prisma.task.findMany({ where, include: { data: true } });
      backoff.reset();
      return new Map(rows.map((row) => [row.id, row]));
    } catch (error) {
      log.warn({ err: error }, 'cannot load changed tasks');
      await backoff.wait(closing.signal);
      return null;
    }
  }

  return {
    want,
    get waiting() {
      return waiting.size;
    },
    get loads() {
      return loads;
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}
