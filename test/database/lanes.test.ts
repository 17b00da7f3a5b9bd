import { expect, test } from 'vitest';
import { openTestDatabase } from '../support/database.ts';

test('a transaction commits what it wrote, and rolls all of it back when it throws', async () => {
  await using database = await openTestDatabase();
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
