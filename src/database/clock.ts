import type pg from 'pg';

/** The database's clock, kept by this process's monotonic one. */
export interface DatabaseClock {
  /** Good to the length of a round trip; what decides something is compared in SQL all the same. */
  now(): Date;
  /** Reads the database's clock again: monotonic clocks drift, and stand still while a machine sleeps. */
  synchronize(): Promise<void>;
}

export async function createDatabaseClock(pool: pg.Pool): Promise<DatabaseClock> {
  let offset = 0;
  async function synchronize(): Promise<void> {
    const sent = performance.now();
    const { rows } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    const received = performance.now();
    offset = (rows[0]?.now.getTime() ?? Date.now()) - (sent + received) / 2;
  }
  await synchronize();
  return { now: () => new Date(performance.now() + offset), synchronize };
}
