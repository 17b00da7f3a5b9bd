/** Writes the next migration from what `prisma/schema.prisma` has that the committed ones lack. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../src/database/embedded/index.ts';
import { migrationsFolder } from '../src/database/migrations.ts';
import { createLog } from '../src/log.ts';
import { diffMigrations } from './schema-engine.ts';

const [name] = process.argv.slice(2);
if (name === undefined || !/^[a-z0-9_]+$/.test(name)) {
  throw new Error('usage: npm run migration -- name_in_lower_case');
}
const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-'));
const log = createLog('warn');
const server = await startEmbeddedPostgres({ folder, log, durable: false });
try {
  const sql = await diffMigrations({ url: server.url, log });
  const stamp = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const target = path.join(migrationsFolder, `${stamp}_${name}`);
  await mkdir(target, { recursive: true });
  await writeFile(path.join(target, 'migration.sql'), sql);
  console.log(target);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
