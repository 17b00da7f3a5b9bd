import type pg from 'pg';

export interface Version {
  readonly version: number;
  readonly updatedAt: Date;
}

/** How those of the tasks that exist are now, by id. */
export async function currentVersions(pool: pg.Pool, ids: readonly string[]): Promise<Map<string, Version>> {
  const { rows } = await pool.query<Version & { id: string }>({
    name: 'current-versions',
    text: 'SELECT id, version, updated_at AS "updatedAt" FROM task WHERE id = ANY($1::uuid[])',
    values: [ids],
  });
  return new Map(rows.map(({ id, version, updatedAt }) => [id, { version, updatedAt }]));
}

export interface Change {
  readonly id: string;
  readonly userId: string;
  readonly version: number;
}

/** Tasks with an event at or after `since`, at most `limit`. */
export async function changedSince(pool: pg.Pool, since: Date, limit: number): Promise<Change[]> {
  const { rows } = await pool.query<Change>({
    name: 'changed-since',
    text: `
      SELECT t.id, t.user_id AS "userId", t.version
      FROM (SELECT DISTINCT task_id FROM task_event WHERE at >= $1) e
      JOIN task t ON t.id = e.task_id
      LIMIT $2`,
    values: [since, limit],
  });
  return rows;
}

export interface Position {
  readonly id: string;
  readonly updatedAt: Date;
}

/**
 * The next tasks, of one user or of all, in the order of their last update: those updated at or after
 * `from.updatedAt`, and behind `from.id` where they were updated at that very time.
 */
export async function updatedFrom(
  pool: pg.Pool,
  { userId, from, limit }: { userId: string | null; from: Position; limit: number },
): Promise<Position[]> {
  const { rows } = await pool.query<Position>({
    name: userId === null ? 'updated-from' : 'updated-from-of-user',
    text: `
      SELECT id, updated_at AS "updatedAt" FROM task
      WHERE updated_at >= $1 AND (updated_at, id) > ($1, $2)
        ${userId === null ? '' : 'AND user_id = $4'}
      ORDER BY updated_at, id LIMIT $3`,
    values: [from.updatedAt, from.id, limit, ...(userId === null ? [] : [userId])],
  });
  return rows;
}
