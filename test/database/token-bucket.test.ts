import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { takeTokens } from '../../src/database/token-bucket.ts';
import { openTestDatabase } from '../support/database.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());
afterEach(() => database.pool.query('DELETE FROM token_bucket'));

const slow = { rate: 0.001, burst: 5 };

test('a bucket grants its burst, then refuses and says when the next token flows in', async () => {
  const take = (amount: number) =>
    database.lanes.transact((tx) => takeTokens(tx, [{ key: 'ann', amount, ...slow }]));
  expect(await take(3)).toEqual([{ key: 'ann', granted: 3, retryAfterMs: 0 }]);
  const [partly] = await take(3);
  expect(partly?.granted).toBe(2);
  expect(partly?.retryAfterMs).toBeGreaterThan(990_000);
  expect(partly?.retryAfterMs).toBeLessThanOrEqual(1_000_000);
  expect(await take(1)).toMatchObject([{ granted: 0 }]);
  await take(-1);
  expect(await take(2)).toMatchObject([{ granted: 1 }]);
});

test('what is wanted as a whole is granted whole or not at all, and owed where the bucket can never hold it', async () => {
  const take = (amount: number, isWhole = true) =>
    database.lanes.transact((tx) => takeTokens(tx, [{ key: 'ann', amount, isWhole, ...slow }]));
  expect(await take(3)).toMatchObject([{ granted: 3, retryAfterMs: 0 }]);
  const [refused] = await take(4);
  expect(refused).toMatchObject({ granted: 0 });
  // Two are left: two more take 2,000 seconds.
  expect(refused?.retryAfterMs).toBeGreaterThan(1_990_000);
  expect(refused?.retryAfterMs).toBeLessThanOrEqual(2_000_000);
  await take(-3);
  expect(await take(8)).toMatchObject([{ granted: 8 }]);
  const [later] = await take(1, false);
  expect(later).toMatchObject({ granted: 0 });
  expect(later?.retryAfterMs).toBeGreaterThan(3_990_000);
});

test('a bucket fills again on the clock of the database, up to its burst', async () => {
  const take = (amount: number) =>
    database.lanes.transact((tx) => takeTokens(tx, [{ key: 'ann', amount, rate: 0.01, burst: 5 }]));
  await take(5);
  const rewind = (seconds: number) =>
    database.pool.query(`UPDATE token_bucket SET updated_at = updated_at - make_interval(secs => $1)`, [
      seconds,
    ]);
  await rewind(250);
  expect(await take(5)).toMatchObject([{ granted: 2 }]);
  await rewind(360_000);
  expect(await take(10)).toMatchObject([{ granted: 5 }]);
});

test('several buckets are taken from in one statement, answered in the order they were asked', async () => {
  const keys = ['c', 'a', 'b'];
  const ask = keys.map((key, n) => ({ key, amount: n + 4, ...slow }));
  const grants = await database.lanes.transact((tx) => takeTokens(tx, ask));
  expect(grants.map(({ key, granted }) => [key, granted])).toEqual([
    ['c', 4],
    ['a', 5],
    ['b', 5],
  ]);
});

test('concurrent takers of overlapping buckets never get more than there is', async () => {
  await database.lanes.transact((tx) =>
    takeTokens(
      tx,
      ['a', 'b', 'c'].map((key) => ({ key, amount: 0, rate: 0.001, burst: 20 })),
    ),
  );
  const orders = [
    ['a', 'b', 'c'],
    ['c', 'b', 'a'],
    ['b', 'a'],
  ];
  const grants = await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      database.lanes.transact((tx) =>
        takeTokens(
          tx,
          (orders[n % 3] ?? []).map((key) => ({ key, amount: 1, rate: 0.001, burst: 20 })),
        ),
      ),
    ),
  );
  const sum = (wanted: string) =>
    grants.flat().reduce((total, { key, granted }) => total + (key === wanted ? granted : 0), 0);
  expect([sum('a'), sum('b'), sum('c')]).toEqual([20, 20, 20]);
});

test('two first requests of one key both count', async () => {
  const take = () => database.lanes.transact((tx) => takeTokens(tx, [{ key: 'new', amount: 2, ...slow }]));
  await Promise.all([take(), take()]);
  expect(await take()).toMatchObject([{ granted: 1 }]);
});
