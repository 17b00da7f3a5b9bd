import { InvalidStateError, NotFoundError } from '../errors.ts';
import { firstIdOf, LOWEST_ID } from '../ids.ts';
import type { Core } from './core.ts';
import { removeGeneration } from './remove.ts';

const GROUP = 100;
const DAY_MS = 24 * 3600 * 1000;

// As for tasks: by id, which begins with the time of creation.
const selectOld = `
  SELECT id FROM generation WHERE id < $1 AND id > $2 AND updated_at < $3 AND follow_at IS NULL
  ORDER BY id LIMIT ${GROUP}`;

export function createRetention(core: Core, retentionDays: number) {
  const { pool, clock } = core.database;

  async function removeOld(id: string): Promise<number> {
    try {
      await removeGeneration(core, id);
      return 1;
    } catch (error) {
      // Somebody retries a task of it, or was here before.
      if (error instanceof InvalidStateError || error instanceof NotFoundError) return 0;
      throw error;
    }
  }

  /**
   * Deletes the generations in which nothing has happened for longer than tasks are kept, until the signal aborts.
   * Answers how many.
   */
  return async function applyRetention(signal?: AbortSignal): Promise<number> {
    const limit = new Date(clock.now().getTime() - retentionDays * DAY_MS);
    const before = firstIdOf(new Date(limit.getTime() + DAY_MS));
    let removed = 0;
    for (let after = LOWEST_ID; !signal?.aborted; ) {
      const { rows } = await pool.query<{ id: string }>(selectOld, [before, after, limit]);
      for (const { id } of rows) removed += await removeOld(id);
      const last = rows.at(-1);
      if (!last || rows.length < GROUP) break;
      after = last.id;
    }
    return removed;
  };
}
