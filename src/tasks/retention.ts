import { firstIdOf } from '../ids.ts';
import type { Core } from './core.ts';
import { HAS_ENDED, IS_NAMED, IS_NEEDED } from './removable.ts';

const MAX_GROUP = 500;
const DAY_MS = 24 * 3600 * 1000;

// Ids begin with the time of creation, so that the oldest tasks are the first by id: no index on a time that
// changes is needed. Whatever had ended before the limit had been created before it.
const removeOld = `
  WITH old AS (
    SELECT id FROM task
    WHERE id < $1 AND ${HAS_ENDED} AND finished_at < $2 AND NOT ${IS_NAMED} AND NOT ${IS_NEEDED}
    ORDER BY id LIMIT ${MAX_GROUP} FOR UPDATE SKIP LOCKED
  )
  DELETE FROM task USING old WHERE task.id = old.id RETURNING task.id, task.user_id AS "userId"`;

export function createRetention({ database, carrier }: Core, retentionDays: number) {
  /** Deletes the tasks that ended longer ago than they are kept, until the signal aborts. Answers how many. */
  return async function applyRetention(signal?: AbortSignal): Promise<number> {
    const limit = new Date(database.clock.now().getTime() - retentionDays * DAY_MS);
    // A day more: processes' clocks, which make the ids, may be wrong by that much.
    const before = firstIdOf(new Date(limit.getTime() + DAY_MS));
    let removed = 0;
    while (!signal?.aborted) {
      const { rows } = await database.pool.query<{ id: string; userId: string }>(removeOld, [before, limit]);
      for (const { id, userId } of rows) carrier.announce({ type: 'task', id, userId });
      removed += rows.length;
      if (rows.length < MAX_GROUP) break;
    }
    return removed;
  };
}
