import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';
import { migrationsFolder, prismaFolder, readMigrations } from './migrations.ts';
import { connectionConfig } from './pool.ts';

/*
 * Prisma's schema engine, for those who change the schema and for tests: a running server does without it.
 */

const noFilters = { externalTables: [], externalEnums: [] };

/** Instantiated by hand: as an import it prints a warning at every start. */
async function loadEngine(): Promise<typeof import('@prisma/schema-engine-wasm/schema_engine_bg')> {
  const engine = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const file = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const binary = await readFile(file.replace(/\.js$/, '.wasm'));
  const { instance } = await WebAssembly.instantiate(binary, {
    './schema_engine_bg.js': { ...engine } as WebAssembly.ModuleImports,
  });
  engine.__wbg_set_wasm(instance.exports);
  const { __wbindgen_start: start } = instance.exports;
  if (typeof start === 'function') start();
  return engine;
}

async function withEngine<T>(url: string, work: (engine: SchemaEngine) => Promise<T>): Promise<T> {
  const { SchemaEngine } = await loadEngine();
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

/** The committed migrations as the engine wants them. */
async function migrationList(): Promise<MigrationList> {
  const migrations = await readMigrations();
  return {
    baseDir: migrationsFolder,
    lockfile: {
      path: 'migration_lock.toml',
      content: await readFile(path.join(migrationsFolder, 'migration_lock.toml'), 'utf8'),
    },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } },
    })),
  };
}

/** Names of the migrations that Prisma Migrate would apply to that database; it applies them. */
export async function applyByEngine(url: string): Promise<string[]> {
  const migrationsList = await migrationList();
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
  const migrations = await migrationList();
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
