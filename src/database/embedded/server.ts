import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { StartError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Binaries } from './binaries.ts';
import type { Identity } from './identity.ts';

export interface ServerOptions {
  readonly binaries: Binaries;
  readonly cluster: string;
  readonly identity: Identity;
  readonly durable: boolean;
  readonly log: Log;
}

export interface Server {
  readonly port: number;
  /** Resolves when the process has ended, however that came. */
  readonly exited: Promise<void>;
  /** Fast shutdown: sessions are cut off, everything is written. */
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 5_000;
const MAX_PORTS = 10;
/** How long the processes of a killed server may take to notice it: as long as a statement may. */
const DYING_PATIENCE_MS = 20_000;

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  // No standby follows this server.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  random_page_cost: '1.1',
  autovacuum_naptime: '15s',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** For tests: a crash of the machine may lose everything. */
const notDurable = { fsync: 'off', full_page_writes: 'off' };

/** Why a server did not come up, as it said itself. */
class LaunchError extends StartError {
  override readonly name = 'LaunchError';
  readonly said: string;

  constructor(said: string) {
    super(`the embedded PostgreSQL did not start: ${said}`);
    this.said = said;
  }
}

/**
 * Starts a server on a free port, or on `port`. A port that somebody else takes in the same moment, and
 * processes of a killed server that still die, are waited out.
 */
export async function startServer(options: ServerOptions, port?: number): Promise<Server> {
  const deadline = performance.now() + DYING_PATIENCE_MS;
  for (let ports = 1; ; ) {
    try {
      return await launch(options, port ?? (await freePort()));
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      if (error.said.includes('Address already in use') && ports < MAX_PORTS) ports++;
      else if (!isDying(error.said) || performance.now() > deadline) throw error;
      options.log.debug({ err: error }, 'starting PostgreSQL again');
      await pause(100);
    }
  }
}

function isDying(said: string): boolean {
  return /pre-existing shared memory block|is another postmaster/i.test(said);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** In a process group of its own: a Ctrl-C in the terminal is ours to handle, and the database stops last. */
function spawnServer({ binaries, cluster, identity, durable }: ServerOptions, port: number): ChildProcess {
  const all = { ...settings, ...(durable ? {} : notDurable), port: String(port) };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return spawn(binaries.postgres, ['-D', cluster, ...flags], {
    ...identity,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

async function launch(options: ServerOptions, port: number): Promise<Server> {
  const child = spawnServer(options, port);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await untilReady(child, options.log);
  return {
    port,
    exited,
    async stop() {
      const quit = setTimeout(() => child.kill('SIGQUIT'), STOP_TIMEOUT_MS);
      child.kill('SIGINT');
      await exited;
      clearTimeout(quit);
    },
  };
}

/** Resolves when the server says that it is ready; rejects with what it said when it ends before. */
function untilReady(child: ChildProcess, log: Log): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!child.stderr) throw new Error('the server has no stderr');
    const said: string[] = [];
    let ready = false;
    const lines = createInterface({ input: child.stderr });
    lines.on('line', (line) => {
      log.debug({ postgres: line }, 'postgres');
      if (ready) return;
      said.push(line);
      if (!line.includes('ready to accept connections')) return;
      ready = true;
      resolve();
    });
    lines.once('close', () => reject(new LaunchError(said.slice(-10).join('\n'))));
    child.once('error', reject);
  });
}
