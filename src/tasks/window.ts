import type { Database } from '../database/index.ts';

/** Skipped once, because somebody had it locked, is found by a later sweep. */
const OVERLAP_MS = 60_000;

/** What one step of a sweep did. */
export interface Step {
  readonly changed: number;
  readonly isDone: boolean;
}

/**
 * Sweeps over times that have passed: the first one over all of them, each later one only over those since the
 * one before, since most rows of the past need nothing any more.
 */
export function createWindow({ pool }: Database) {
  let since = new Date(0);
  return {
    /** Repeats the step until it is done; answers how much changed. */
    async sweep(step: (since: Date) => Promise<Step>): Promise<number> {
      const { rows } = await pool.query<{ now: Date }>('SELECT now() AS now');
      let total = 0;
      for (;;) {
        const { changed, isDone } = await step(since);
        total += changed;
        if (isDone) break;
      }
      const now = rows[0]?.now;
      if (now) since = new Date(now.getTime() - OVERLAP_MS);
      return total;
    },
  };
}
