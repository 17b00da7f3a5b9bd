import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Transaction } from '../../src/database/index.ts';
import { openTestDatabase } from '../support/database.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());
afterEach(() => database.pool.query('DELETE FROM token_bucket'));

test('a transaction commits what it wrote, and rolls all of it back when it throws', async () => {
  const insert = 'INSERT INTO token_bucket (key, tokens) VALUES ($1, 1)';
  await database.lanes.transact((tx) => tx.query(insert, ['kept']));
  await expect(
    database.lanes.transact(async (tx) => {
      await tx.query(insert, ['lost']);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await expect(
    database.lanes.transact((tx) => Promise.all([tx.query('SELECT 1/0'), tx.query(insert, ['lost'])])),
  ).rejects.toThrow('division by zero');
  const { rows } = await database.pool.query('SELECT key FROM token_bucket');
  expect(rows).toEqual([{ key: 'kept' }]);
});

test('a statement whose answer nobody awaits rolls everything back when it fails, and says why', async () => {
  await expect(
    database.lanes.transact(async (tx) => {
      void tx.query('SELECT 1/0');
      await tx.query("INSERT INTO token_bucket (key, tokens) VALUES ('lost', 1)");
    }),
  ).rejects.toThrow('division by zero');
  await expect(
    database.lanes.transact(async (tx) => {
      void tx.query('SELECT 1/0');
    }),
  ).rejects.toThrow('division by zero');
  const { rows } = await database.pool.query('SELECT key FROM token_bucket');
  expect(rows).toEqual([]);
});

test('a statement that comes after its transaction has ended is refused, and reaches no other one', async () => {
  const insert = "INSERT INTO token_bucket (key, tokens) VALUES ('late', 1)";
  let ended: Transaction | undefined;
  await database.lanes.transact(async (tx) => {
    ended = tx;
  });
  await expect(ended?.query(insert)).rejects.toThrow('after its transaction had ended');
  let sendLate = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    sendLate = resolve;
  });
  await expect(
    database.lanes.transact(async (tx) => {
      void late.then(() => tx.query(insert)).catch(() => undefined);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  sendLate();
  const { rows } = await database.pool.query('SELECT key FROM token_bucket');
  expect(rows).toEqual([]);
});

test('after a lost connection a lane works again on a new one', async () => {
  await expect(
    database.lanes.transact((tx) => tx.query('SELECT pg_terminate_backend(pg_backend_pid())')),
  ).rejects.toThrow();
  await Promise.all(
    Array.from({ length: 4 }, () => database.lanes.transact((tx) => tx.query('SELECT 1 AS one'))),
  );
});

test('transactions that deadlock are repeated until both have committed', async () => {
  await database.pool.query("INSERT INTO token_bucket (key, tokens) VALUES ('a', 0), ('b', 0)");
  const add = 'UPDATE token_bucket SET tokens = tokens + 1 WHERE key = $1';
  let met = 0;
  let meet = (): void => undefined;
  const bothHaveOne = new Promise<void>((resolve) => {
    meet = resolve;
  });
  const addInOrder = (first: string, second: string): Promise<unknown> =>
    database.lanes.transact(async (tx) => {
      await tx.query("SET LOCAL deadlock_timeout = '10ms'");
      await tx.query(add, [first]);
      if (++met === 2) meet();
      await bothHaveOne;
      await tx.query(add, [second]);
    });
  await Promise.all([addInOrder('a', 'b'), addInOrder('b', 'a')]);
  const { rows } = await database.pool.query('SELECT key, tokens FROM token_bucket ORDER BY key');
  expect(rows).toEqual([
    { key: 'a', tokens: 2 },
    { key: 'b', tokens: 2 },
  ]);
});
