import type { Transaction } from '../database/index.ts';

/** What a task's input was before somebody changed it. */
export interface Former {
  readonly taskId: string;
  readonly input: unknown;
  readonly model: string;
}

/** Who asked for something, and what it was before. */
export interface Act {
  /** A user's id; undefined: nobody did. */
  readonly by?: string | undefined;
  readonly former?: Former | undefined;
}

const insert = `
  INSERT INTO task_act (task_id, version, user_id, input, model)
  SELECT id, version, $2, CASE WHEN id = $3 THEN $4::jsonb END, CASE WHEN id = $3 THEN $5 END
  FROM task WHERE id = ANY ($1::uuid[])`;

/**
 * Notes who asked for the latest events of these tasks, which this transaction wrote. Its answer need not be
 * waited for.
 */
export function noteActs(tx: Transaction, taskIds: readonly string[], { by, former }: Act): void {
  if (by === undefined || taskIds.length === 0) return;
  const input = former === undefined ? null : JSON.stringify(former.input);
  void tx.query(insert, [taskIds, by, former?.taskId ?? null, input, former?.model ?? null]);
}
