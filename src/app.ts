import path from 'node:path';
import { createClosers } from './closers.ts';
import type { Config } from './config.ts';
import { startEmbeddedPostgres } from './database/embedded/index.ts';
import { migrate, pendingMigrations } from './database/index.ts';
import { StartError } from './errors.ts';
import { createHttpServer, type HttpServer } from './http/index.ts';
import type { Log } from './log.ts';
import { urlOf } from './public-url.ts';
import { keptSecret, makeSecret } from './secrets.ts';
import { type OpenServices, openServices } from './services.ts';
import { startWork } from './work.ts';

export interface App {
  /** Where clients reach it: `http://127.0.0.1:4000`. */
  readonly url: string;
  /** What is behind the API, for commands and tests in the same process. */
  readonly services: OpenServices;
  /** The first admin's API key, where the configuration or the data folder has one. */
  readonly adminKey: string | null;
  /** Drains and closes everything, the embedded database last. */
  close(): Promise<void>;
}

/** The key of the first admin: configured, or made at the first start of an embedded database. */
async function findAdminKey({ adminKey, databaseUrl, dataDir }: Config): Promise<string | null> {
  if (adminKey !== null || databaseUrl !== null) return adminKey;
  return keptSecret(path.join(dataDir, 'admin-key'), () => `sy_${makeSecret()}`);
}

async function requireMigrated(databaseUrl: string): Promise<void> {
  const pending = await pendingMigrations(databaseUrl);
  if (pending.length === 0) return;
  throw new StartError(
    `the database lacks ${pending.join(', ')}: run "switchyard migrate", or start without MIGRATE_AT_START=false`,
  );
}

async function listen(http: HttpServer, { host, port }: Config): Promise<number> {
  try {
    return await http.listen();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    throw new StartError(`port ${port} of ${host} is taken: stop what listens there, or set PORT`);
  }
}

/**
 * Opens a whole Switchyard, in the role that the configuration names, and closes what it had opened when it
 * fails on the way.
 * @throws StartError for whoever started it
 */
export async function createApp(config: Config, log: Log): Promise<App> {
  const closers = createClosers();
  try {
    let databaseUrl = config.databaseUrl;
    if (databaseUrl === null) {
      const embedded = await startEmbeddedPostgres({ folder: path.join(config.dataDir, 'postgres'), log });
      closers.add(embedded.stop);
      databaseUrl = embedded.url;
    }
    if (config.migrateAtStart) await migrate({ url: databaseUrl, log });
    else await requireMigrated(databaseUrl);
    const secret =
      config.jwtSecret ?? (await keptSecret(path.join(config.dataDir, 'jwt-secret'), makeSecret));
    let url = '';
    const services = await openServices({ config, databaseUrl, secret, publicUrl: () => url, log, closers });
    const adminKey = await findAdminKey(config);
    if (adminKey !== null) await services.accounts.ensureAdminKey(adminKey);
    const http = await createHttpServer({ services, config, log });
    url = urlOf(config, await listen(http, config), log);
    const drainHttp = (): Promise<void> => http.drain(config.drainTimeoutMs);
    if (config.role === 'api') closers.add(drainHttp);
    else {
      const drainWork = await startWork({ services, config, log });
      closers.add(() => Promise.all([drainHttp(), drainWork()]));
    }
    return { url, services, adminKey, close: closers.close };
  } catch (error) {
    await closers.close();
    throw error;
  }
}
