import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../src/database/index.ts';
import { testLog } from './log.ts';

async function withAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: inject('clusterUrl') });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A migrated database of its own; `drop` removes it, whoever is still connected. */
export async function createTestDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  // Copies of one template wait for each other, and fail while anybody else uses it.
  await withAdmin(async (client) => {
    await client.query('SELECT pg_advisory_lock(1)');
    await client.query(`CREATE DATABASE ${name} TEMPLATE template_switchyard STRATEGY FILE_COPY`);
  });
  const url = new URL(inject('clusterUrl'));
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => withAdmin(async (client) => void (await client.query(`DROP DATABASE ${name} WITH (FORCE)`))),
  };
}

/** An opened database of its own. `await using` closes and drops it. */
export async function openTestDatabase(): Promise<Database & AsyncDisposable> {
  const { url, drop } = await createTestDatabase();
  const database = await openDatabase({ url, log: testLog, poolSize: 5, lanes: 2 });
  return Object.assign(database, {
    async [Symbol.asyncDispose]() {
      await database.close();
      await drop();
    },
  });
}
