import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { applyByEngine, diffMigrations } from '../../scripts/schema-engine.ts';
import { migrate, pendingMigrations } from '../../src/database/index.ts';
import { readMigrations } from '../../src/database/migrations.ts';
import { newId } from '../../src/ids.ts';
import { createTestDatabase } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';
import { testLog } from '../support/log.ts';
import { query } from './support.ts';

let url: string;
let drop: () => Promise<void>;
const admin = inject('clusterUrl');

async function makeEmpty(): Promise<void> {
  const name = `empty_${newId().replaceAll('-', '')}`;
  await query(admin, `CREATE DATABASE ${name}`);
  url = Object.assign(new URL(admin), { pathname: `/${name}` }).href;
  drop = async () => void (await query(admin, `DROP DATABASE ${name} WITH (FORCE)`));
}
/** All databases of tests are copies of one that was empty when it was migrated. */
async function makeMigrated(): Promise<void> {
  ({ url, drop } = await createTestDatabase());
}
afterEach(() => drop());

const history = () =>
  query(
    url,
    'SELECT migration_name AS name, checksum FROM _prisma_migrations ORDER BY started_at, migration_name',
  );

test('ten processes that migrate at once apply each migration once', async () => {
  await makeEmpty();
  const results = await Promise.all(Array.from({ length: 10 }, () => migrate({ url, log: testLog })));
  const migrations = await readMigrations();
  expect(results.flat()).toEqual(migrations.map(({ name }) => name));
  expect(await history()).toEqual(migrations.map(({ name, checksum }) => ({ name, checksum })));
  expect(
    await query(url, "SELECT to_regclass('pgboss.job') IS NOT NULL AS queue, count(*)::int FROM task"),
  ).toEqual([{ queue: true, count: 0 }]);
});

test('an up-to-date database is left as it is', async () => {
  await makeMigrated();
  const before = await history();
  expect(await migrate({ url, log: testLog })).toEqual([]);
  expect(await history()).toEqual(before);
});

test('what is pending is told without applying it', async () => {
  await makeEmpty();
  const names = (await readMigrations()).map(({ name }) => name);
  expect(await pendingMigrations(url)).toEqual(names);
  expect(await pendingMigrations(url)).toEqual(names);
  await migrate({ url, log: testLog });
  expect(await pendingMigrations(url)).toEqual([]);
});

test('the history is one that Prisma Migrate accepts, and the other way round', async () => {
  await makeMigrated();
  expect(await applyByEngine(url)).toEqual([]);

  await query(url, 'DROP SCHEMA public CASCADE');
  await query(url, 'CREATE SCHEMA public');
  expect(await applyByEngine(url)).toEqual((await readMigrations()).map(({ name }) => name));
  expect(await migrate({ url, log: testLog })).toEqual([]);
});

test('a migration that fails leaves nothing of itself, says so, and is tried again', async () => {
  await makeEmpty();
  await using folder = await makeFolder();
  const write = async (name: string, sql: string): Promise<void> => {
    await mkdir(path.join(folder.path, name), { recursive: true });
    await writeFile(path.join(folder.path, name, 'migration.sql'), sql);
  };
  await write('1_good', 'CREATE TABLE one (n int);');
  await write('2_bad', 'CREATE TABLE two (n int); CREATE TABLE one (n int);');
  const attempt = () => migrate({ url, log: testLog, folder: folder.path });
  const message = 'migration 2_bad failed, and nothing of it was applied: relation "one" already exists';
  await expect(attempt()).rejects.toThrow(message);
  await expect(attempt()).rejects.toThrow(message);
  expect(
    await query(url, "SELECT to_regclass('one') IS NULL AS one, to_regclass('two') IS NULL AS two"),
  ).toEqual([{ one: false, two: true }]);
  expect(await history()).toMatchObject([{ name: '1_good' }]);
  await write('2_bad', 'CREATE TABLE two (n int);');
  expect(await attempt()).toEqual(['2_bad']);
});

test('a migration that Prisma Migrate left unfinished stops the start', async () => {
  await makeMigrated();
  await query(url, 'UPDATE _prisma_migrations SET finished_at = NULL');
  await expect(migrate({ url, log: testLog })).rejects.toThrow(/never finished: .* "prisma migrate resolve"/);
});

test('a queue that is behind is migrated though the tables are not', async () => {
  await makeMigrated();
  await query(url, 'DROP SCHEMA pgboss CASCADE');
  expect(await migrate({ url, log: testLog })).toEqual([]);
  expect(await query(url, "SELECT to_regclass('pgboss.job') IS NOT NULL AS queue")).toEqual([
    { queue: true },
  ]);
});

test('the committed migrations lead exactly to schema.prisma', async () => {
  await makeEmpty();
  expect(await diffMigrations({ url, log: testLog })).toMatch(/^(-- This is an empty migration\.)?\s*$/);
});

test('tables whose rows change often have room for it', async () => {
  await makeMigrated();
  const rows = await query(
    url,
    "SELECT relname AS table, reloptions AS options FROM pg_class WHERE reloptions IS NOT NULL AND relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname",
  );
  expect(rows).toEqual([
    { table: 'fair_clock', options: ['fillfactor=30'] },
    { table: 'fair_share', options: ['fillfactor=50'] },
    { table: 'slot', options: ['fillfactor=30'] },
    { table: 'task', options: ['fillfactor=50'] },
    { table: 'task_attempt', options: ['fillfactor=80'] },
    { table: 'task_count', options: ['fillfactor=30'] },
    { table: 'task_data', options: ['fillfactor=70'] },
    { table: 'token_bucket', options: ['fillfactor=50'] },
    { table: 'user_storage', options: ['fillfactor=70'] },
    { table: 'worker', options: ['fillfactor=30'] },
  ]);
});

test('a user who may do nothing is told so', async () => {
  await makeEmpty();
  const stranger = new URL(url);
  stranger.username = 'nobody_here';
  await expect(migrate({ url: stranger.href, log: testLog })).rejects.toThrow(
    'password authentication failed',
  );
});
