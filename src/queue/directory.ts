import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import { newId } from '../ids.ts';
import { bossName } from './names.ts';
import type { Queue, QueueRow } from './types.ts';

const options = {
  // pg-boss's own expiry would move a job without its task: ours comes long before.
  expireInSeconds: 24 * 3600,
  // Waiting jobs are never deleted: this is as long as pg-boss can count.
  retentionSeconds: 2_147_483_647,
  // Tries are counted on the task.
  retryLimit: 2_147_483_646,
  retryDelay: 0,
  // Of jobs that are through: the history is the task's.
  deleteAfterSeconds: 600,
} as const;

const columns = 'id, kind, model, boss_name AS name';

/** Which queues there are, each looked up or made once. */
export function createDirectory({
  pool,
  boss,
}: {
  pool: pg.Pool;
  boss: PgBoss;
}): Pick<Queue, 'ensure' | 'get'> {
  const byModel = new Map<string, Promise<QueueRow>>();
  const byId = new Map<string, Promise<QueueRow>>();

  async function find(where: string, values: readonly string[]): Promise<QueueRow | undefined> {
    const { rows } = await pool.query<QueueRow>(`SELECT ${columns} FROM queue WHERE ${where}`, [...values]);
    return rows[0];
  }

  async function make(kind: string, model: string): Promise<QueueRow> {
    const found = await find('kind = $1 AND model = $2', [kind, model]);
    if (found) return found;
    const name = bossName(kind, model);
    // pg-boss's first: whoever sees our row may use the queue.
    await boss.createQueue(name, options);
    await pool.query(
      'INSERT INTO queue (id, kind, model, boss_name) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
      [newId(), kind, model, name],
    );
    return make(kind, model);
  }

  async function read(id: string): Promise<QueueRow> {
    const found = await find('id = $1', [id]);
    if (!found) throw new Error(`there is no queue ${id}`);
    return found;
  }

  function cached(
    cache: Map<string, Promise<QueueRow>>,
    key: string,
    load: () => Promise<QueueRow>,
  ): Promise<QueueRow> {
    const known = cache.get(key);
    if (known) return known;
    const loading = load();
    cache.set(key, loading);
    // A failure is the caller's to see, and not to be remembered.
    loading.catch(() => cache.delete(key));
    return loading;
  }

  return {
    ensure: (kind, model) => cached(byModel, `${kind} ${model}`, () => make(kind, model)),
    get: (id) => cached(byId, id, () => read(id)),
  };
}
