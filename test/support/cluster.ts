import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/database/embedded/index.ts';
import { migrate } from '../../src/database/migrate.ts';
import { createLog } from '../../src/log.ts';
import { makeFolder } from './folder.ts';

declare module 'vitest' {
  interface ProvidedContext {
    clusterUrl: string;
  }
}

/** One PostgreSQL for the whole run; each test file copies its migrated template database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = createLog('warn');
  const folder = await makeFolder();
  const server = await startEmbeddedPostgres({ folder: folder.path, log, durable: false });
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query('CREATE DATABASE template_switchyard');
  await admin.end();
  const template = new URL(server.url);
  template.pathname = '/template_switchyard';
  await migrate({ url: template.href, log });
  project.provide('clusterUrl', server.url);
  return async () => {
    await server.stop();
    await folder[Symbol.asyncDispose]();
  };
}
