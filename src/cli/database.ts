import path from 'node:path';
import type { Config } from '../config.ts';
import { findEmbeddedPostgres, startEmbeddedPostgres } from '../database/embedded/index.ts';
import type { Log } from '../log.ts';

/**
 * Runs `work` with the address of the configured database. The embedded one is that of a server that runs on
 * this data folder, or else is started for as long as `work` takes.
 */
export async function withDatabaseUrl<T>(
  config: Config,
  log: Log,
  work: (url: string) => Promise<T>,
): Promise<T> {
  if (config.databaseUrl !== null) return work(config.databaseUrl);
  const folder = path.join(config.dataDir, 'postgres');
  const running = await findEmbeddedPostgres(folder);
  if (running !== null) return work(running);
  const server = await startEmbeddedPostgres({ folder, log });
  try {
    return await work(server.url);
  } finally {
    await server.stop();
  }
}
