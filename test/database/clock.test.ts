import { expect, test, vi } from 'vitest';
import { createDatabaseClock } from '../../src/database/clock.ts';
import { createPool } from '../../src/database/pool.ts';
import { createTestDatabase, openTestDatabase } from '../support/database.ts';

test('a clock is right though the database was slow to answer when it was first asked', async () => {
  const { url, drop } = await createTestDatabase();
  const pool = createPool({ url, name: 'test', max: 1 });
  try {
    const held = await pool.connect();
    const elapsed = performance.now.bind(performance);
    let waitedMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => elapsed() + waitedMs);
    const opening = createDatabaseClock(pool);
    waitedMs = 600;
    held.release();
    const clock = await opening;
    const before = clock.now().getTime();
    const { rows } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    const after = clock.now().getTime();
    const now = rows[0]?.now.getTime() ?? 0;
    // Half of what it waited for the first answer would be 300.
    expect(before).toBeLessThan(now + 150);
    expect(after).toBeGreaterThan(now - 150);
  } finally {
    vi.restoreAllMocks();
    await pool.end();
    await drop();
  }
});

test('the clock of an open database is read again by the minute, until that closes', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const database = await openTestDatabase();
    const synchronize = vi.spyOn(database.clock, 'synchronize');
    vi.advanceTimersByTime(60_000);
    expect(synchronize).toHaveBeenCalledTimes(1);
    await synchronize.mock.results[0]?.value;
    await database[Symbol.asyncDispose]();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
