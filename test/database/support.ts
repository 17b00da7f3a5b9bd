import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import pg from 'pg';
import { run } from '../../src/database/embedded/identity.ts';
import { startEmbeddedPostgres } from '../../src/database/embedded/index.ts';
import { makeFolder, type TestFolder } from '../support/folder.ts';
import { testLog } from '../support/log.ts';
import { keepCompiled } from '../support/process.ts';

/**
 * A stopped cluster to make copies of: making one takes longer than all else.
 * @param fill what is to be in it
 */
export async function makeTemplate(fill?: (url: string) => Promise<unknown>): Promise<TestFolder> {
  const folder = await makeFolder();
  const server = await startEmbeddedPostgres({ folder: folder.path, log: testLog, durable: false });
  await fill?.(server.url);
  await server.stop();
  return folder;
}

export async function copyTemplate(template: TestFolder): Promise<TestFolder> {
  const folder = await makeFolder();
  // With the owners: PostgreSQL's user is another one when this process is root.
  await run('cp', ['-a', `${template.path}/.`, folder.path]);
  return folder;
}

export async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** Whether anybody listens there. */
export async function canConnect(url: string): Promise<boolean> {
  return query(url, 'SELECT 1').then(
    () => true,
    () => false,
  );
}

export interface ForeignServer extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
}

/** A process that starts an embedded PostgreSQL, and then tells its address. */
export function spawnElsewhere(folder: string, uid?: number): ChildProcessByStdio<null, Readable, null> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(path.resolve('src/database/embedded/index.ts'))};
    import { createLog } from ${JSON.stringify(path.resolve('src/log.ts'))};
    const server = await startEmbeddedPostgres({ folder: ${JSON.stringify(folder)}, log: createLog('silent'), durable: false });
    console.log(server.url);
    process.once('SIGTERM', () => server.stop());
  `;
  return spawn(process.execPath, [...keepCompiled, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

/** The embedded PostgreSQL of another process. */
export async function startElsewhere(folder: string, uid?: number): Promise<ForeignServer> {
  const child = spawnElsewhere(folder, uid);
  const lines = createInterface({ input: child.stdout });
  const [url]: string[] = await once(lines, 'line');
  if (url === undefined) throw new Error('the other process told no address');
  return {
    url,
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

export async function killHard(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
