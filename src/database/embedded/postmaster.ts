import { readFile, readlink, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { StartError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { run } from './identity.ts';

/** A server that runs on a cluster. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** How long a server may take to stop before it is made to. */
const STOP_TIMEOUT_MS = 5_000;

/** More than long enough for a server to write its process id into the file that it has just made. */
const WRITTEN_WITHIN_MS = 200;

const pidFile = (cluster: string): string => path.join(cluster, 'postmaster.pid');

/** The server that runs on this cluster, whoever started it; null where none does. */
export async function findPostmaster(cluster: string): Promise<Postmaster | null> {
  const noted = await readPidFile(cluster);
  return noted && (await isServerOf(cluster, noted.pid)) ? noted : null;
}

/** What the last server wrote about itself, alive or not: its process on the first line, its port on the fourth. */
async function readPidFile(cluster: string): Promise<Postmaster | null> {
  const text = await readFile(pidFile(cluster), 'utf8').catch(() => '');
  const [pid, , , port] = text.split('\n').map(Number);
  return pid !== undefined && port !== undefined && pid > 0 && port > 0 ? { pid, port } : null;
}

/** A process id alone proves nothing: it may be another process's by now. */
async function isServerOf(cluster: string, pid: number): Promise<boolean> {
  try {
    if (process.platform === 'linux') {
      return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(cluster));
    }
    const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]);
    return stdout.includes(cluster);
  } catch {
    return false;
  }
}

/**
 * Ends the server that a killed process left running on this cluster, and takes away a note of its that PostgreSQL
 * would stumble over. Call it with the data folder's lock held.
 */
export async function clearLeftovers(cluster: string, log: Log): Promise<void> {
  const noted = await readPidFile(cluster);
  if (!noted) return clearUnreadable(cluster, log);
  if (!isAlive(noted.pid)) return;
  if (await isServerOf(cluster, noted.pid)) {
    log.warn({ postmaster: noted.pid }, 'a PostgreSQL server was left running here: stopping it');
    await endServer(cluster, noted.pid);
  } else {
    // PostgreSQL would take the stranger that has this process id now for a server of ours.
    await rm(pidFile(cluster));
  }
}

/** A server that died as it wrote its note, or a full disk, leaves one without a process id; none starts over that. */
async function clearUnreadable(cluster: string, log: Log): Promise<void> {
  if (await bearsId(cluster)) return;
  // Whoever is alive writes it within an instant.
  await pause(WRITTEN_WITHIN_MS);
  if (await bearsId(cluster)) return;
  log.warn('a note of a PostgreSQL server without its process id was left here: removing it');
  await rm(pidFile(cluster), { force: true });
}

/** Whether nobody wrote a note, or it begins with a process id. */
async function bearsId(cluster: string): Promise<boolean> {
  const text = await readFile(pidFile(cluster), 'utf8').catch(() => null);
  return text === null || Number.parseInt(text, 10) > 0;
}

async function endServer(cluster: string, pid: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    const deadline = performance.now() + STOP_TIMEOUT_MS;
    if (isAlive(pid)) process.kill(pid, signal);
    // Not until its id is free: where nobody waits for dead orphans, that is never.
    while (performance.now() < deadline) {
      if (!(await isServerOf(cluster, pid))) return;
      await pause(10);
    }
  }
  throw new StartError(
    `the PostgreSQL server that was left running (process ${pid}) does not stop: end it by hand`,
  );
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Another user's process is alive, too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
