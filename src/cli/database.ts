import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config.ts';
import { startEmbeddedPostgres } from '../database/embedded/index.ts';
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
  const running = await runningServer(path.join(folder, 'cluster', 'postmaster.pid'));
  if (running !== null) return work(running);
  const server = await startEmbeddedPostgres({ folder, log });
  try {
    return await work(server.url);
  } finally {
    await server.stop();
  }
}

/** What PostgreSQL itself wrote about a running server: its process on the first line, its port on the fourth. */
async function runningServer(pidFile: string): Promise<string | null> {
  let lines: string[];
  try {
    lines = (await readFile(pidFile, 'utf8')).split('\n');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  return isAlive(pid) && port > 0 ? `postgresql://postgres@127.0.0.1:${port}/postgres` : null;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Another user's process is alive too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
