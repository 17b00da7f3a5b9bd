import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { type MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';
import { connectionConfig } from './pool.ts';

export const prismaFolder = path.join(import.meta.dirname, '../../prisma');
const migrationsFolder = path.join(prismaFolder, 'migrations');

const noFilters = { externalTables: [], externalEnums: [] };

/** The migrations of the project, in order, as Prisma's engine wants them. */
export async function readMigrations(): Promise<MigrationList> {
  const entries = await readdir(migrationsFolder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return {
    baseDir: migrationsFolder,
    lockfile: {
      path: 'migration_lock.toml',
      content: await readFile(path.join(migrationsFolder, 'migration_lock.toml'), 'utf8'),
    },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.sort().map(async (name) => ({
        path: name,
        migrationFile: {
          path: 'migration.sql',
          content: {
            tag: 'ok' as const,
            value: await readFile(path.join(migrationsFolder, name, 'migration.sql'), 'utf8'),
          },
        },
      })),
    ),
  };
}

async function withEngine<T>(url: string, work: (engine: SchemaEngine) => Promise<T>): Promise<T> {
  const datamodel = await readFile(path.join(prismaFolder, 'schema.prisma'), 'utf8');
  // The engine does not close what its adapter opened; a pool of ours can be.
  const pool = new pg.Pool({
    ...connectionConfig({ url, name: 'switchyard-migrate' }),
    statement_timeout: 0,
  });
  try {
    using engine = await SchemaEngine.new(
      { datamodels: [['schema.prisma', datamodel]] },
      () => undefined,
      bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool)),
    );
    return await work(engine);
  } finally {
    await pool.end();
  }
}

/** Applies what is not applied yet, with a true `_prisma_migrations` history, and answers its names. */
export async function applyMigrations(url: string, migrationsList: MigrationList): Promise<string[]> {
  return withEngine(url, async (engine) => {
    const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: noFilters });
    return appliedMigrationNames;
  });
}

/**
 * SQL that leads from the committed migrations to `schema.prisma`; empty where they agree.
 * @param url of an empty database, which the engine fills and empties again
 */
export async function diffMigrations(url: string): Promise<string> {
  const migrations = await readMigrations();
  const content = await readFile(path.join(prismaFolder, 'schema.prisma'), 'utf8');
  return withEngine(url, async (engine) => {
    const { stdout } = await engine.diff({
      from:
        migrations.migrationDirectories.length === 0
          ? { tag: 'empty' }
          : { tag: 'migrations', ...migrations },
      to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content }] },
      script: true,
      exitCode: null,
      filters: noFilters,
    });
    return stdout ?? '';
  });
}
