import { expect, test } from 'vitest';
import { createExactIndex, openVectorIndex } from '../../src/knowledge/vector-index.ts';
import { openTestDatabase } from '../support/database.ts';
import { testLog } from '../support/log.ts';
import { describeVectorIndex } from './vector-index-contract.ts';

// pgvector, which the embedded server does not have, is tested in test/system.
describeVectorIndex('the exact index', async () => {
  const database = await openTestDatabase();
  const { pool } = database;
  return {
    ...{ index: createExactIndex(database), pool },
    exec: (sql) => pool.query(sql),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
});

test('a server without pgvector is searched exactly', async () => {
  await using database = await openTestDatabase();
  const { rowCount } = await database.pool.query("SELECT FROM pg_available_extensions WHERE name = 'vector'");
  const index = await openVectorIndex(database, testLog);
  expect(rowCount).toBe(0);
  const nobody = '00000000-0000-7000-8000-000000000000';
  expect(await index.nearest({ knowledgeBaseId: nobody, vector: Float32Array.of(1), limit: 1 })).toEqual([]);
});
