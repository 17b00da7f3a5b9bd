import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  type EmbeddedPostgres,
  findEmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/database/embedded/index.ts';
import { findPostmaster } from '../../src/database/embedded/postmaster.ts';
import { makeFolder, type TestFolder } from '../support/folder.ts';
import { capturedLog, testLog } from '../support/log.ts';
import {
  canConnect,
  copyTemplate,
  killHard,
  makeTemplate,
  query,
  spawnElsewhere,
  startElsewhere,
} from './support.ts';

let template: TestFolder;
beforeAll(async () => {
  template = await makeTemplate();
});
afterAll(() => template[Symbol.asyncDispose]());

/** Another process may take its time to start, and a database to be made. */
const foreign = { timeout: 60_000 };

const start = (folder: string) => startEmbeddedPostgres({ folder, log: testLog, durable: false });

test('a first start makes a durable cluster, and the next start finds it', async () => {
  await using folder = await makeFolder();
  const data = path.join(folder.path, 'not', 'there');
  const first = await startEmbeddedPostgres({ folder: data, log: testLog });
  expect(await query(first.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await first.stop();
  expect(await canConnect(first.url)).toBe(false);

  const second = await startEmbeddedPostgres({ folder: data, log: testLog });
  expect(await query(second.url, 'SELECT * FROM kept')).toEqual([{ answer: 42 }]);
  await second.stop();
});

test('nobody on the machine connects without the password, which only its user can read', async () => {
  await using folder = await copyTemplate(template);
  const server = await start(folder.path);
  try {
    const url = new URL(server.url);
    expect(url.hostname).toBe('127.0.0.1');
    for (const password of ['', 'postgres']) {
      url.password = password;
      await expect(query(url.href, 'SELECT 1'), password).rejects.toThrow(/password/);
    }
    expect((await stat(path.join(folder.path, 'password'))).mode & 0o777).toBe(0o600);
  } finally {
    await server.stop();
  }
});

test('another process of the same user finds a running server, and none when none runs', async () => {
  await using folder = await copyTemplate(template);
  expect(await findEmbeddedPostgres(folder.path)).toBeNull();
  const server = await start(folder.path);
  expect(await findEmbeddedPostgres(folder.path)).toBe(server.url);
  await server.stop();
  expect(await findEmbeddedPostgres(folder.path)).toBeNull();
  expect(await findEmbeddedPostgres(path.join(folder.path, 'nowhere'))).toBeNull();
});

test(
  'a second server on the same folder is told whose it is, in this process and in another',
  foreign,
  async () => {
    await using folder = await copyTemplate(template);
    const first = await start(folder.path);
    await expect(start(folder.path)).rejects.toThrow(
      `another Switchyard server (process ${process.pid}) uses the data folder`,
    );
    await first.stop();
    await using elsewhere = await startElsewhere(folder.path);
    await expect(start(folder.path)).rejects.toThrow(`(process ${elsewhere.child.pid})`);
    expect(await canConnect(elsewhere.url)).toBe(true);
  },
);

test('a lock that is damaged is named, with what to do', async () => {
  await using folder = await copyTemplate(template);
  await writeFile(path.join(folder.path, 'lock'), 'no lock at all: '.repeat(10));
  await expect(start(folder.path)).rejects.toThrow(
    /^the lock .*lock can't be taken .*: .* delete this one file$/,
  );
});

test(
  'after a kill -9 of the server the next start stops what was left running, and keeps the data',
  foreign,
  async () => {
    await using folder = await copyTemplate(template);
    const killed = await startElsewhere(folder.path);
    await query(killed.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await killHard(killed.child);
    expect(await canConnect(killed.url)).toBe(true);

    const next = await start(folder.path);
    expect(await query(next.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    if (next.url !== killed.url) expect(await canConnect(killed.url)).toBe(false);
    await next.stop();
  },
);

test(
  'after a kill -9 of everything the next start recovers, though a process of the dead server lives on',
  foreign,
  async () => {
    await using folder = await copyTemplate(template);
    const killed = await startElsewhere(folder.path);
    await query(killed.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    const client = new pg.Client({ connectionString: killed.url });
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const pid = rows[0]?.pid ?? 0;
    const postmaster = await findPostmaster(path.join(folder.path, 'cluster'));
    // As one that is busy without a pause, it notices neither its server's death nor its client's.
    process.kill(pid, 'SIGSTOP');
    const { log, lines } = capturedLog('debug');
    let starting: Promise<EmbeddedPostgres> | undefined;
    try {
      await killHard(killed.child);
      process.kill(postmaster?.pid ?? 0, 'SIGKILL');
      starting = startEmbeddedPostgres({ folder: folder.path, log, durable: false });
      await expect.poll(() => lines.map(({ msg }) => msg)).toContain('starting PostgreSQL again');
    } finally {
      const cutOff = new Promise((resolve) => client.once('end', resolve));
      process.kill(pid, 'SIGCONT');
      await cutOff;
    }
    const next = await starting;
    expect(await query(next.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    await next.stop();
  },
);

test('a stale postmaster.pid with the id of a living stranger is seen through', async () => {
  await using folder = await copyTemplate(template);
  const pidFile = path.join(folder.path, 'cluster', 'postmaster.pid');
  await writeFile(
    pidFile,
    `${process.pid}\n${folder.path}/cluster\n1700000000\n5432\n\n127.0.0.1\n\nready\n`,
  );
  const server = await start(folder.path);
  expect(await canConnect(server.url)).toBe(true);
  await server.stop();
});

test('a postmaster.pid that was never written, or is no note at all, stands in nobody’s way', async () => {
  await using folder = await copyTemplate(template);
  for (const text of ['', '\0\0\0\0', 'not a process\n']) {
    await writeFile(path.join(folder.path, 'cluster', 'postmaster.pid'), text);
    const server = await start(folder.path);
    expect(await canConnect(server.url)).toBe(true);
    await server.stop();
  }
});

test('a PostgreSQL that dies under a running server is started again at the same address', async () => {
  await using folder = await copyTemplate(template);
  const server = await start(folder.path);
  const cluster = path.join(folder.path, 'cluster');
  const died = await findPostmaster(cluster);
  process.kill(died?.pid ?? 0, 'SIGKILL');
  await expect
    .poll(
      async () => ({ pid: (await findPostmaster(cluster))?.pid, answers: await canConnect(server.url) }),
      {
        timeout: 15_000,
      },
    )
    .toEqual({ pid: expect.toSatisfy((pid) => pid !== died?.pid), answers: true });
  await server.stop();
  expect(await canConnect(server.url)).toBe(false);
});

test('stopping while a dead PostgreSQL is started again leaves none behind', async () => {
  await using folder = await copyTemplate(template);
  const { log, lines } = capturedLog('error');
  const server = await startEmbeddedPostgres({ folder: folder.path, log, durable: false });
  const died = await findPostmaster(path.join(folder.path, 'cluster'));
  process.kill(died?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => lines.length, { interval: 1 }).toBeGreaterThan(0);
  expect(lines[0]).toMatchObject({ msg: 'PostgreSQL ended unexpectedly: starting it again' });
  await server.stop();
  expect(await findPostmaster(path.join(folder.path, 'cluster'))).toBeNull();
  const next = await start(folder.path);
  await next.stop();
});

test('a first start that was killed half-way leaves nothing that stops the next', async () => {
  await using folder = await makeFolder();
  await mkdir(path.join(folder.path, 'cluster.new'), { mode: 0o700 });
  await writeFile(path.join(folder.path, 'cluster.new', 'PG_VERSION'), '18\n');
  await writeFile(path.join(folder.path, 'cluster.password'), 'old', { mode: 0o600 });
  const server = await start(folder.path);
  expect(await canConnect(server.url)).toBe(true);
  await server.stop();
  await expect(readFile(path.join(folder.path, 'cluster.password'))).rejects.toThrow('ENOENT');
});

test(
  'a first start that was killed as it makes the cluster stops no other, and nothing is left of it',
  foreign,
  async () => {
    await using folder = await makeFolder();
    const killed = spawnElsewhere(folder.path);
    // From now on a process of its own, which outlives it, writes there.
    const begun = async () => {
      // A folder may be moved while it is read.
      const names = await readdir(folder.path, { recursive: true }).catch(() => []);
      return names.some((name) => name.endsWith('postgresql.conf'));
    };
    await vi.waitUntil(begun, { timeout: 30_000, interval: 2 });
    await killHard(killed);
    const server = await start(folder.path);
    expect(await canConnect(server.url)).toBe(true);
    await server.stop();
    expect((await readdir(folder.path)).filter((name) => /new|cluster.password/.test(name))).toEqual([]);
  },
);

test('a lost password file gives the cluster a new password', async () => {
  await using folder = await copyTemplate(template);
  await rm(path.join(folder.path, 'password'));
  const server = await start(folder.path);
  expect(await canConnect(server.url)).toBe(true);
  await server.stop();
});

test('a cluster of another PostgreSQL is refused with the way out', async () => {
  await using folder = await copyTemplate(template);
  await writeFile(path.join(folder.path, 'cluster', 'PG_VERSION'), '12\n');
  await expect(start(folder.path)).rejects.toThrow(/is of PostgreSQL 12, .* pg_dump/);
  // The folder is free again.
  await expect(start(folder.path)).rejects.toThrow(/is of PostgreSQL 12/);
});

test('a cluster that cannot start says why', async () => {
  await using folder = await copyTemplate(template);
  const [control, away] = ['pg_control', 'gone'].map((name) =>
    path.join(folder.path, 'cluster', 'global', name),
  );
  await rename(control ?? '', away ?? '');
  await expect(start(folder.path)).rejects.toThrow(/did not start: .*pg_control/s);
});
