import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type pg from 'pg';

/** For the command line of any other process: it starts as quickly as a server does. */
export const keepCompiled = ['--import', path.resolve('bin/compile-cache.js')] as const;

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } };
/** What `npm start` gives to Node.js. */
const [, ...startArguments] = scripts.start.split(' ');

export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Everything it logged. */
  readonly lines: readonly string[];
  /** Resolves when it has logged such a line, to that line. */
  logged(pattern: RegExp): Promise<string>;
  /** @returns its exit code; null where the signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

async function readyUrl(child: ChildProcess, lines: string[]): Promise<string> {
  if (!child.stdout || !child.stderr) throw new Error('the server has no output');
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      child.emit('line', line);
    });
  }
  return new Promise((resolve, reject) => {
    child.on('line', (line: string) => {
      if (line.includes('"msg":"ready"')) resolve((JSON.parse(line) as { url: string }).url);
    });
    // Its last lines may come after its exit.
    child.once('close', (code) => reject(new Error(`the server ended with ${code}:\n${lines.join('\n')}`)));
  });
}

export interface SpawnOptions {
  /** As which user and group; by default as whoever runs the tests. */
  readonly uid?: number;
  readonly gid?: number;
}

/** Starts a server as `npm start` does, in a process of its own, and waits until it is ready. */
export async function startServer(
  variables: Record<string, string>,
  args: readonly string[] = [],
  options: SpawnOptions = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [...startArguments, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  const exited = once(child, 'close') as Promise<[number | null]>;
  const lines: string[] = [];
  const url = await readyUrl(child, lines);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const [code] = await exited;
    return code;
  };
  return {
    url,
    pid: child.pid ?? 0,
    lines,
    logged: (pattern) =>
      new Promise((resolve) => {
        const look = (line: string): void => {
          if (!pattern.test(line)) return;
          child.off('line', look);
          resolve(line);
        };
        child.on('line', look);
        for (const line of lines) look(line);
      }),
    end,
    async [Symbol.asyncDispose]() {
      await end('SIGTERM');
    },
  };
}

/**
 * Kills a worker, whose lease need not be waited for then. So all workers of a test can have a lease that is long
 * enough for a busy machine, where one that lives may stand still for seconds.
 */
export async function killWorker(worker: ServerProcess, pool: pg.Pool): Promise<void> {
  await worker.end('SIGKILL');
  await pool.query(`UPDATE worker SET lease_until = '-infinity' WHERE pid = $1`, [worker.pid]);
}
