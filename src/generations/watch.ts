import type pg from 'pg';
import type { Database, GenerationStatus } from '../database/index.ts';
import type { Log } from '../log.ts';

/** A generation, as far as its streams need to know. */
export interface Standing {
  readonly version: number;
  readonly status: GenerationStatus;
  /** Whether something of it is under way, or was retried. */
  readonly isFollowed: boolean;
  /** The task of the model that counts. */
  readonly modelTaskId: string | null;
}

type Listener = (standing: Standing | null) => void;

export interface GenerationWatch {
  /** Tells where the generation is, and again after each change; null when there is none. Returns what ends it. */
  one(id: string, changed: Listener): () => void;
  /** Somebody said that it changed. */
  heard(id: string): void;
  /** Looks for changes that nobody told of. Never fails; it is repeated. */
  recheck(): Promise<void>;
  /** Whether anybody watches. */
  readonly active: boolean;
  /** Resolves when nothing is being read any more. */
  close(): Promise<void>;
}

const select = `
  SELECT g.id, g.version, g.status, g.follow_at IS NOT NULL AS "isFollowed", (
    SELECT task_id FROM generation_task WHERE generation_id = g.id AND role = 'MODEL' ORDER BY number DESC LIMIT 1
  ) AS "modelTaskId"
  FROM generation g WHERE g.id = ANY ($1::uuid[])`;

async function readStandings(pool: pg.Pool, ids: readonly string[]): Promise<Map<string, Standing>> {
  const { rows } = await pool.query<Standing & { id: string }>(select, [ids]);
  return new Map(rows.map(({ id, ...standing }) => [id, standing]));
}

/** Reads together what its listeners wait for: once for all of them, and again while the database is away. */
export function createGenerationWatch(database: Pick<Database, 'pool'>, log: Log): GenerationWatch {
  const watched = new Map<string, Set<Listener>>();
  const wanted = new Set<string>();
  let running: Promise<void> | null = null;

  function want(ids: Iterable<string>): Promise<void> {
    for (const id of ids) wanted.add(id);
    // Whatever is wanted in this same turn goes along.
    running ??= Promise.resolve().then(run);
    return running;
  }

  async function run(): Promise<void> {
    try {
      while (wanted.size > 0) {
        const ids = [...wanted].filter((id) => watched.has(id));
        wanted.clear();
        if (ids.length > 0) publish(ids, await readStandings(database.pool, ids));
      }
    } catch (error) {
      // The next recheck reads them all again.
      log.warn({ err: error }, 'cannot read changed generations');
    } finally {
      running = null;
    }
  }

  function publish(ids: readonly string[], standings: ReadonlyMap<string, Standing>): void {
    for (const id of ids) {
      for (const changed of watched.get(id) ?? []) changed(standings.get(id) ?? null);
    }
  }

  return {
    get active() {
      return watched.size > 0;
    },
    one(id, changed) {
      const listener: Listener = (standing) => changed(standing);
      const listeners = watched.get(id) ?? new Set();
      watched.set(id, listeners.add(listener));
      void want([id]);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && watched.get(id) === listeners) watched.delete(id);
      };
    },
    heard(id) {
      if (watched.has(id)) void want([id]);
    },
    recheck: () => want(watched.keys()),
    async close() {
      watched.clear();
      await running;
    },
  };
}
