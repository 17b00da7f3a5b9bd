import type pg from 'pg';

/** The database's clock, kept by this process's monotonic one. */
export interface DatabaseClock {
  /** Good to the length of a round trip; what decides something is compared in SQL all the same. */
  now(): Date;
  /** Reads the database's clock again: monotonic clocks drift, and stand still while a machine sleeps. */
  synchronize(): Promise<void>;
}

/** A round trip that took longer, such as one that had to connect, is not relied on while there may be a better one. */
const GOOD_MS = 10;
const MAX_READS = 5;

export async function createDatabaseClock(pool: pg.Pool): Promise<DatabaseClock> {
  let offset = 0;
  async function synchronize(): Promise<void> {
    let best = { tookMs: Number.POSITIVE_INFINITY, offset };
    for (let reads = 0; reads < MAX_READS && best.tookMs > GOOD_MS; reads++) {
      const sent = performance.now();
      const { rows } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      const received = performance.now();
      if (received - sent >= best.tookMs) continue;
      const now = rows[0]?.now.getTime() ?? Date.now();
      best = { tookMs: received - sent, offset: now - (sent + received) / 2 };
    }
    offset = best.offset;
  }
  await synchronize();
  return { now: () => new Date(performance.now() + offset), synchronize };
}
