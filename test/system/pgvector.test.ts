import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { expect, test } from 'vitest';
import { readMigrations } from '../../src/database/migrations.ts';
import { createPgvectorIndex, openVectorIndex } from '../../src/knowledge/vector-index.ts';
import { describeVectorIndex, type OpenIndex } from '../knowledge/vector-index-contract.ts';
import { testLog } from '../support/log.ts';

/** PostgreSQL in WebAssembly, which brings the true pgvector wherever tests run. */
async function openServer(): Promise<OpenIndex> {
  const server = new PGlite({ extensions: { vector } });
  for (const { sql } of await readMigrations()) await server.exec(sql);
  const query = async (text: string, values: unknown[] = []) => {
    const { rows, affectedRows } = await server.query(text, values);
    return { rows, rowCount: rows.length || (affectedRows ?? 0) };
  };
  const pool = { query } as unknown as OpenIndex['pool'];
  return {
    ...{ pool, index: await openVectorIndex({ pool }, testLog) },
    exec: (sql) => server.exec(sql),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

describeVectorIndex('pgvector', openServer);

test('a server that has pgvector is made to use it', async () => {
  await using server = await openServer();
  const { rows } = await server.pool.query("SELECT extname FROM pg_extension WHERE extname = 'vector'");
  expect(rows).toEqual([{ extname: 'vector' }]);
  expect(server.index.nearest.toString()).toBe(createPgvectorIndex(server).nearest.toString());
});
