import { expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/database/index.ts';
import { createLeadership } from '../../src/database/leadership.ts';
import { newId } from '../../src/ids.ts';
import { openTestDatabase } from '../support/database.ts';
import { testLog } from '../support/log.ts';

/** A process that wants to lead. */
function candidate(database: Database, name: string, begins = (): void => undefined) {
  const stopping = new AbortController();
  let leads = false;
  const { lead } = createLeadership({ database, holderId: newId(), log: testLog });
  const done = lead(name, stopping.signal, async (signal) => {
    leads = true;
    begins();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    leads = false;
  });
  return {
    leads: () => leads,
    stop() {
      stopping.abort();
      return done;
    },
  };
}

test('one process leads, and hands over within seconds when it stops', async () => {
  await using database = await openTestDatabase();
  const first = candidate(database, 'sweep');
  await expect.poll(first.leads).toBe(true);
  const second = candidate(database, 'sweep');
  const other = candidate(database, 'probe');
  await expect.poll(other.leads).toBe(true);
  expect(second.leads()).toBe(false);

  await first.stop();
  expect(first.leads()).toBe(false);
  await expect.poll(second.leads, { timeout: 10_000 }).toBe(true);
  await Promise.all([second.stop(), other.stop()]);
});

test('a process that has the database to itself waits for no dead leader', async () => {
  await using database = await openTestDatabase();
  await database.pool.query(
    `INSERT INTO leader (name, holder, until) VALUES ('sweep', $1, now() + interval '1 hour')`,
    [newId()],
  );
  await createLeadership({ database, holderId: newId(), log: testLog }).takePredecessors();
  const successor = candidate(database, 'sweep');
  await expect.poll(successor.leads).toBe(true);
  await successor.stop();
});

test('a leader that vanishes is followed by another, once its lease of two seconds has run out', async () => {
  await using database = await openTestDatabase();
  const lost = await openDatabase({ url: database.url, log: testLog });
  const first = candidate(lost, 'sweep');
  await expect.poll(first.leads).toBe(true);
  const { rows } = await database.pool.query('SELECT until - now() <= $1 AS short FROM leader', [
    '2 seconds',
  ]);
  expect(rows).toEqual([{ short: true }]);
  let wereTwo = false;
  const second = candidate(database, 'sweep', () => {
    wereTwo = first.leads();
  });
  await lost.close();
  await expect.poll(second.leads, { timeout: 10_000 }).toBe(true);
  expect(wereTwo).toBe(false);
  await Promise.all([first.stop(), second.stop()]);
});

test('a leader that cannot renew its lease stops, and leads anew when it can', async () => {
  await using database = await openTestDatabase();
  const leader = candidate(database, 'sweep');
  await expect.poll(leader.leads).toBe(true);
  const blocker = await database.pool.connect();
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE leader');
  await expect.poll(leader.leads, { timeout: 10_000 }).toBe(false);
  await blocker.query('COMMIT');
  blocker.release();
  await expect.poll(leader.leads, { timeout: 10_000 }).toBe(true);
  await leader.stop();
});
