import type { KindName } from '../kinds/index.ts';
import type { Core } from './core.ts';

/** What another task can take up of a task that has succeeded. */
export interface MadeResult {
  readonly kind: KindName;
  readonly result: unknown;
}

const selectKinds = 'SELECT id, kind FROM task WHERE user_id = $1 AND id = ANY ($2::uuid[])';

const selectResults = `
  SELECT t.id, t.kind, d.result FROM task t JOIN task_data d ON d.task_id = t.id
  WHERE t.user_id = $1 AND t.id = ANY ($2::uuid[]) AND t.status = 'SUCCEEDED'`;

/** What tasks tell of themselves to others of the same user. */
export interface Results {
  /** Of those of the tasks that exist and are the user's: their kinds. */
  kindsOf(userId: string, taskIds: readonly string[]): Promise<Map<string, KindName>>;
  /** Of those of the user's tasks that have succeeded. */
  resultsOf(userId: string, taskIds: readonly string[]): Promise<Map<string, MadeResult>>;
}

export function createResults({ database: { pool } }: Core): Results {
  return {
    async kindsOf(userId, taskIds) {
      const { rows } = await pool.query<{ id: string; kind: KindName }>(selectKinds, [userId, taskIds]);
      return new Map(rows.map(({ id, kind }) => [id, kind]));
    },
    async resultsOf(userId, taskIds) {
      const { rows } = await pool.query<MadeResult & { id: string }>(selectResults, [userId, taskIds]);
      return new Map(rows.map(({ id, kind, result }) => [id, { kind, result }]));
    },
  };
}
