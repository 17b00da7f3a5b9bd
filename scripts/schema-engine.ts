import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
  type SqlResultSet,
} from '@prisma/driver-adapter-utils';
import type { MigrationList } from '@prisma/schema-engine-wasm';
import * as engine from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';
import { migrate } from '../src/database/migrate.ts';
import { migrationsFolder, prismaFolder, readMigrations } from '../src/database/migrations.ts';
import { connectionConfig } from '../src/database/pool.ts';
import type { Log } from '../src/log.ts';

/*
 * Prisma's schema engine, for those who change the schema and for tests: a running server does without it.
 */

const schemaFile = path.join(prismaFolder, 'schema.prisma');
const noFilters = { externalTables: [], externalEnums: [] };

/**
 * Instantiated by hand, since importing WebAssembly prints a warning; and once, with the module, since the
 * engine's own JavaScript holds one instance.
 */
async function instantiate(): Promise<void> {
  const file = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const { instance } = await WebAssembly.instantiate(await readFile(file.replace(/\.js$/, '.wasm')), {
    './schema_engine_bg.js': { ...engine } as WebAssembly.ModuleImports,
  });
  engine.__wbg_set_wasm(instance.exports);
  const { __wbindgen_start: start } = instance.exports;
  if (typeof start === 'function') start();
}
await instantiate();

interface RowDescription {
  readonly fields: { name: string; dataTypeID: number }[];
}

/** Marks a column of PostgreSQL's type "char", which Prisma's adapter does not know and its engine reads. */
const CHAR_MARK = ' ("char")';

class EngineClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const connection: unknown = Reflect.get(this, 'connection');
    if (!(connection instanceof EventEmitter)) throw new Error('this pg client has no connection');
    connection.on('rowDescription', ({ fields }: RowDescription) => {
      for (const field of fields) {
        if (field.dataTypeID !== pg.types.builtins.CHAR) continue;
        field.dataTypeID = pg.types.builtins.TEXT;
        field.name += CHAR_MARK;
      }
    });
  }
}

/**
 * Turns the marked columns into what the engine expects, and sends a script as it is: the adapter would split it at each
 * semicolon, those in the bodies of functions included.
 */
function mended(adapter: SqlDriverAdapter, pool: pg.Pool): SqlDriverAdapter {
  const read = adapter.queryRaw.bind(adapter);
  return Object.assign(adapter, {
    executeScript: async (script: string): Promise<void> => void (await pool.query(script)),
    async queryRaw(query: SqlQuery): Promise<SqlResultSet> {
      const { columnNames, columnTypes, ...rest } = await read(query);
      return {
        ...rest,
        columnNames: columnNames.map((name) => name.replace(CHAR_MARK, '')),
        columnTypes: columnTypes.map((type, n) =>
          columnNames[n]?.endsWith(CHAR_MARK) ? ColumnTypeEnum.Character : type,
        ),
      };
    },
  });
}

async function withEngine<T>(url: string, work: (engine: engine.SchemaEngine) => Promise<T>): Promise<T> {
  const datamodel = await readFile(schemaFile, 'utf8');
  const config = connectionConfig({ url, name: 'switchyard-migrate' });
  // The engine does not close what its adapter opened; a pool of ours can be.
  const pool = new pg.Pool({ ...config, statement_timeout: 0, Client: EngineClient });
  const factory = new PrismaPg(pool);
  const adapters: SqlMigrationAwareDriverAdapterFactory = {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => mended(await factory.connect(), pool),
    connectToShadowDb: () => factory.connectToShadowDb(),
  };
  try {
    using opened = await engine.SchemaEngine.new(
      { datamodels: [['schema.prisma', datamodel]] },
      () => undefined,
      bindMigrationAwareSqlAdapterFactory(adapters),
    );
    return await work(opened);
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
 * SQL that leads from the committed migrations to `schema.prisma`; an empty migration where they agree.
 * @param url of an empty database, which gets those migrations
 */
export async function diffMigrations({ url, log }: { url: string; log: Log }): Promise<string> {
  await migrate({ url, log });
  const files = [{ path: 'schema.prisma', content: await readFile(schemaFile, 'utf8') }];
  return withEngine(url, async (opened) => {
    const { stdout } = await opened.diff({
      from: { tag: 'schemaDatasource', configDir: prismaFolder, files },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: null,
      filters: noFilters,
    });
    return stdout ?? '';
  });
}
