import { createHash } from 'node:crypto';
import type { MigrationList } from '@prisma/schema-engine-wasm';
import pg from 'pg';
import { PgBoss } from 'pg-boss';
import type { Log } from '../log.ts';
import { connectionConfig } from './pool.ts';
import { applyMigrations, readMigrations } from './schema-engine.ts';

/** Of the advisory lock that lets one process migrate while the others wait. */
const MIGRATION_LOCK = 0x5717_c4a2;

/** Names of the migrations that the database lacks, or has in another form. */
async function pendingOf(client: pg.Client, { migrationDirectories }: MigrationList): Promise<string[]> {
  const { rows: tables } = await client.query("SELECT to_regclass('_prisma_migrations') AS history");
  if (tables[0].history === null) return migrationDirectories.map(({ path }) => path);
  const { rows } = await client.query<{ migration_name: string; checksum: string }>(
    'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  const applied = new Map(rows.map((row) => [row.migration_name, row.checksum]));
  const isApplied = ({ path, migrationFile: { content } }: MigrationList['migrationDirectories'][number]) =>
    content.tag === 'ok' && applied.get(path) === createHash('sha256').update(content.value).digest('hex');
  return migrationDirectories.filter((migration) => !isApplied(migration)).map(({ path }) => path);
}

/** Names of the migrations that a start would apply. Changes nothing. */
export async function pendingMigrations(url: string): Promise<string[]> {
  const client = new pg.Client(connectionConfig({ url, name: 'switchyard-migrate' }));
  await client.connect();
  try {
    return await pendingOf(client, await readMigrations());
  } finally {
    await client.end();
  }
}

async function migrateQueue(url: string, log: Log): Promise<void> {
  const boss = new PgBoss({
    connectionString: url,
    max: 2,
    supervise: false,
    schedule: false,
    migrate: true,
  });
  boss.on('error', (error) => log.warn({ err: error }, 'pg-boss'));
  await boss.start();
  await boss.stop({ graceful: false, close: true });
}

/**
 * Brings the database's tables, and pg-boss's, up to date. Any number of processes may call this at once:
 * one works, the others wait for it and find nothing to do.
 * @returns the names of the migrations that this call applied
 */
export async function migrate({ url, log }: { url: string; log: Log }): Promise<string[]> {
  const client = new pg.Client({
    ...connectionConfig({ url, name: 'switchyard-migrate' }),
    statement_timeout: 0,
    lock_timeout: 0,
  });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const migrations = await readMigrations();
    if ((await pendingOf(client, migrations)).length === 0) {
      await migrateQueue(url, log);
      return [];
    }
    const applied = await applyMigrations(url, migrations);
    await migrateQueue(url, log);
    log.info({ applied }, 'database migrated');
    return applied;
  } finally {
    await client.end();
  }
}
