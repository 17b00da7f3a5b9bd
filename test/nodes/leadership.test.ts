import { describe, expect, test, vi } from 'vitest';
import { type Database, openDatabase } from '../../src/database/index.ts';
import { createLeadership } from '../../src/database/leadership.ts';
import { newId } from '../../src/ids.ts';
import { openTestDatabase } from '../support/database.ts';
import { testLog } from '../support/log.ts';

/** Processes that want to lead, and how many of them ever did so at once. */
function contest(name: string) {
  let leading = 0;
  let most = 0;
  function candidate(database: Database, begins = (): void => undefined) {
    const stopping = new AbortController();
    let leads = false;
    const { lead } = createLeadership({ database, holderId: newId(), log: testLog });
    const done = lead(name, stopping.signal, async (signal) => {
      [leads, leading] = [true, leading + 1];
      most = Math.max(most, leading);
      begins();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      [leads, leading] = [false, leading - 1];
    });
    return {
      leads: () => leads,
      stop() {
        stopping.abort();
        return done;
      },
    };
  }
  return { candidate, most: () => most };
}

type Candidate = ReturnType<ReturnType<typeof contest>['candidate']>;

const until = (isSo: () => boolean) => vi.waitFor(() => expect(isSo()).toBe(true), { timeout: 15_000 });
const untilLeading = ({ leads }: Candidate) => until(leads);

/** As if the whole process stood still. */
const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

describe.concurrent('of all processes', () => {
  test('one leads, and hands over within seconds when it stops', async () => {
    await using database = await openTestDatabase();
    const sweep = contest('sweep');
    const first = sweep.candidate(database);
    await untilLeading(first);
    const second = sweep.candidate(database);
    const other = contest('probe').candidate(database);
    await untilLeading(other);

    await first.stop();
    expect(first.leads()).toBe(false);
    await untilLeading(second);
    await Promise.all([second.stop(), other.stop()]);
    expect(sweep.most()).toBe(1);
  });

  test('one that has the database to itself waits for no dead leader', async () => {
    await using database = await openTestDatabase();
    await database.pool.query(
      `INSERT INTO leader (name, holder, until) VALUES ('sweep', $1, now() + interval '1 hour')`,
      [newId()],
    );
    await createLeadership({ database, holderId: newId(), log: testLog }).takePredecessors();
    const successor = contest('sweep').candidate(database);
    await untilLeading(successor);
    await successor.stop();
  });

  test('another follows a leader that vanishes, once its lease of two seconds has run out', async () => {
    await using database = await openTestDatabase();
    const lost = await openDatabase({ url: database.url, log: testLog });
    const sweep = contest('sweep');
    const first = sweep.candidate(lost);
    await untilLeading(first);
    const { rows } = await database.pool.query('SELECT until - now() <= $1 AS short FROM leader', [
      '2 seconds',
    ]);
    expect(rows).toEqual([{ short: true }]);
    const second = sweep.candidate(database);
    await lost.close();
    await untilLeading(second);
    await Promise.all([first.stop(), second.stop()]);
    expect(sweep.most()).toBe(1);
  });

  test('one that leads and cannot renew its lease stops, and leads anew when it can', async () => {
    await using database = await openTestDatabase();
    const leader = contest('sweep').candidate(database);
    await untilLeading(leader);
    const blocker = await database.pool.connect();
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE leader');
    await until(() => !leader.leads());
    await blocker.query('COMMIT');
    blocker.release();
    await untilLeading(leader);
    await leader.stop();
  });

  test('one that stood still while it was given the lease asks again before it leads', async () => {
    await using database = await openTestDatabase();
    const query = vi.spyOn(database.pool, 'query');
    let asked = 0;
    const late = contest('sweep').candidate(database, () => {
      asked = query.mock.calls.length;
    });
    standStill(1_250);
    await untilLeading(late);
    expect(asked).toBeGreaterThanOrEqual(2);
    await late.stop();
  });
});
