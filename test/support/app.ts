import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type App, createApp } from '../../src/app.ts';
import { type Config, loadConfig, type Role } from '../../src/config.ts';
import { createTestDatabase } from './database.ts';
import { testLog } from './log.ts';

/** The API key of the admin of every test app. */
export const adminKey = 'an-admin-key-for-tests-only';

export interface TestApp extends App, AsyncDisposable {
  readonly config: Config;
  /** Another process's worth of the same system: the same database, secrets and files. */
  sibling(role?: Role): Promise<App>;
}

/**
 * A whole Switchyard on a database and a folder of its own, on a free port.
 * @param variables as in the environment, over the defaults for tests
 */
export async function startTestApp(
  variables: Record<string, string> = {},
  role: Role = 'all',
): Promise<TestApp> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-app-'));
  const configFor = (which: Role): Config =>
    loadConfig(
      {
        DATABASE_URL: database.url,
        DATA_DIR: folder,
        JWT_SECRET: 'a secret that only tests know, and all of them',
        ADMIN_KEY: adminKey,
        PORT: '0',
        HEALTH_CHECK_INTERVAL_MS: '1000',
        MIGRATE_AT_START: 'false',
        DRAIN_TIMEOUT_MS: '2000',
        ...variables,
      },
      which,
    );
  const config = configFor(role);
  const app = await createApp(config, testLog);
  const siblings: App[] = [];
  return {
    ...app,
    config,
    async sibling(which = 'all') {
      const sibling = await createApp(configFor(which), testLog);
      siblings.push(sibling);
      return sibling;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(siblings.map((sibling) => sibling.close()));
      await app.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
