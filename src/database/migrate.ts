import { randomUUID } from 'node:crypto';
import pg from 'pg';
import boss from 'pg-boss/package.json' with { type: 'json' };
import { StartError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Migration, migrationsFolder, readMigrations } from './migrations.ts';
import { connectionConfig } from './pool.ts';

/** Of the advisory lock that lets one process migrate while the others wait: Prisma Migrate's own. */
const MIGRATION_LOCK = 72707369;
const OLDEST_POSTGRESQL = 14;

/** The history table, as Prisma Migrate makes it. */
const HISTORY = `
  CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum VARCHAR(64) NOT NULL,
    finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL,
    logs TEXT,
    rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
  )`;

export interface MigrateOptions {
  readonly url: string;
  readonly log: Log;
  /** Of the migrations; the project's own unless given. */
  readonly folder?: string;
}

/**
 * Brings the database's tables, and pg-boss's, up to date, and keeps Prisma Migrate's history of it. Any number
 * of processes may call this at once: one works, the others wait for it and find nothing to do.
 * @returns the names of the migrations that this call applied
 * @throws where a migration failed: nothing of it was applied then, and the next call tries it again
 */
export async function migrate({ url, log, folder = migrationsFolder }: MigrateOptions): Promise<string[]> {
  const client = await connect({ url, statement_timeout: 0, lock_timeout: 0 });
  try {
    await checkServer(client);
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const [migrations, history] = [await readMigrations(folder), await readHistory(client)];
    checkHistory(migrations, history, log);
    const pending = findPending(migrations, history);
    for (const migration of pending) await apply(client, migration);
    await migrateQueue(client, log);
    const applied = pending.map(({ name }) => name);
    if (applied.length > 0) log.info({ applied }, 'database migrated');
    return applied;
  } finally {
    await client.end();
  }
}

/** Names of the migrations that a start would apply. Changes nothing. */
export async function pendingMigrations(url: string): Promise<string[]> {
  const client = await connect({ url });
  try {
    return findPending(await readMigrations(), await readHistory(client)).map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** @throws StartError where the database cannot be reached */
async function connect({ url, ...settings }: { url: string } & pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client({ ...connectionConfig({ url, name: 'switchyard-migrate' }), ...settings });
  try {
    await client.connect();
  } catch (error) {
    // A name with several addresses has an error for each.
    const errors = error instanceof AggregateError ? error.errors : [error];
    const reason = errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ');
    throw new StartError(
      `the database cannot be reached (${reason}): see that PostgreSQL runs, and that DATABASE_URL has the right host, user, password and database`,
      { cause: error },
    );
  }
  return client;
}

async function checkServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: number }>(
    "SELECT current_setting('server_version_num')::int / 10000 AS version",
  );
  const version = rows[0]?.version ?? 0;
  if (version >= OLDEST_POSTGRESQL) return;
  throw new StartError(
    `the database is PostgreSQL ${version}, and Switchyard needs ${OLDEST_POSTGRESQL} or newer`,
  );
}

interface HistoryRow {
  readonly name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

function findPending(migrations: Migration[], history: HistoryRow[]): Migration[] {
  const applied = new Set(history.filter(({ finished }) => finished).map(({ name }) => name));
  return migrations.filter(({ name }) => !applied.has(name));
}

/** What Prisma Migrate, or somebody's editor, may have left behind. */
function checkHistory(migrations: Migration[], history: HistoryRow[], log: Log): void {
  const unfinished = history.find(({ finished }) => !finished);
  if (unfinished) {
    throw new StartError(
      `migration ${unfinished.name} was begun by Prisma Migrate and never finished: repair the database, then say so with "prisma migrate resolve"`,
    );
  }
  const applied = new Map(history.map(({ name, checksum }) => [name, checksum]));
  for (const { name, checksum } of migrations) {
    if ((applied.get(name) ?? checksum) === checksum) continue;
    log.warn({ migration: name }, 'a migration was changed after it had been applied');
  }
}

async function readHistory(client: pg.Client): Promise<HistoryRow[]> {
  const { rows: tables } = await client.query("SELECT to_regclass('_prisma_migrations') AS history");
  if (tables[0].history === null) return [];
  const { rows } = await client.query<HistoryRow>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished
     FROM _prisma_migrations WHERE rolled_back_at IS NULL`,
  );
  return rows;
}

/** The migration and its line in the history, together or not at all, whenever this process is killed. */
async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(HISTORY);
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`migration ${name} failed, and nothing of it was applied: ${reason}`, {
      cause: error,
    });
  }
}

/** pg-boss's own tables, on the same connection. Its code is loaded only when they are missing or behind. */
async function migrateQueue(client: pg.Client, log: Log): Promise<void> {
  const { rows: tables } = await client.query("SELECT to_regclass('pgboss.version') AS version");
  if (tables[0].version !== null) {
    const { rows } = await client.query<{ version: number }>('SELECT version FROM pgboss.version');
    if ((rows[0]?.version ?? 0) >= boss.pgboss.schema) return;
  }
  const { PgBoss } = await import('pg-boss');
  const migrator = new PgBoss({
    db: { executeSql: (text: string, values?: unknown[]) => client.query(text, values) },
    supervise: false,
    schedule: false,
    migrate: true,
  });
  migrator.on('error', (error) => log.warn({ err: error }, 'pg-boss'));
  await migrator.start();
  await migrator.stop({ graceful: false, close: false });
  log.info({ version: boss.pgboss.schema }, 'queue migrated');
}
