import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findBinaries, packageFolder } from '../../src/database/embedded/binaries.ts';
import { findIdentity, run } from '../../src/database/embedded/identity.ts';
import { startEmbeddedPostgres } from '../../src/database/embedded/index.ts';
import { makeFolder } from '../support/folder.ts';
import { testLog } from '../support/log.ts';
import { canConnect, query, startElsewhere } from './support.ts';

const NOBODY = 65534;

test('binaries whose links npm did not make are mended', async () => {
  // What is in memory may be barred from being run.
  await using folder = await makeFolder(tmpdir());
  const copy = path.join(folder.path, 'package');
  await run('cp', ['-R', packageFolder(), copy]);
  await run('find', [copy, '-type', 'l', '-delete']);
  const binaries = await findBinaries({ place: folder.path, identity: {}, log: testLog, folder: copy });
  expect(binaries.postgres).toBe(path.join(copy, 'native', 'bin', 'postgres'));
  expect(binaries.major).toBeGreaterThanOrEqual(18);
});

// What follows is about a process that may become another user.
describe.runIf(process.getuid?.() === 0)('as root', { timeout: 60_000 }, () => {
  test('PostgreSQL runs as another user', async () => {
    await using folder = await makeFolder();
    const server = await startEmbeddedPostgres({ folder: folder.path, log: testLog, durable: false });
    expect((await stat(path.join(folder.path, 'cluster'))).uid).not.toBe(0);
    expect((await stat(path.join(folder.path, 'password'))).uid).toBe(0);
    await server.stop();
  });

  test('a data folder that this user cannot enter gets its cluster outside, and a note that leads there', async () => {
    await using folder = await makeFolder();
    await using outside = await makeFolder();
    const options = {
      folder: path.join(folder.path, 'closed', 'data'),
      log: testLog,
      durable: false,
      outside: path.join(outside.path, 'switchyard'),
    };
    await mkdir(path.join(folder.path, 'closed'), { mode: 0o700 });
    const server = await startEmbeddedPostgres(options);
    await query(server.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await server.stop();
    const place = (await readFile(path.join(options.folder, 'cluster-is-at'), 'utf8')).trim();
    expect(place.startsWith(options.outside)).toBe(true);
    expect(await readFile(path.join(place, 'belongs-to'), 'utf8')).toBe(`${options.folder}\n`);

    // The note holds, even when the folder could be entered by now.
    await chmod(path.join(folder.path, 'closed'), 0o755);
    const again = await startEmbeddedPostgres(options);
    expect(await query(again.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    await again.stop();

    await run('rm', ['-r', place]);
    await expect(startEmbeddedPostgres(options)).rejects.toThrow(/is kept at .*, and is missing there/);
  });

  test('an existing cluster that this user can enter no more is not left behind in silence', async () => {
    await using folder = await makeFolder();
    const closed = path.join(folder.path, 'closed');
    const options = { folder: path.join(closed, 'data'), log: testLog, durable: false };
    const server = await startEmbeddedPostgres(options);
    await server.stop();
    await chmod(closed, 0o700);
    await expect(startEmbeddedPostgres(options)).rejects.toThrow(/can no longer enter .*chmod o\+x/);
  });

  test('binaries that this user cannot read are copied beside the cluster, once', async () => {
    await using folder = await makeFolder(tmpdir());
    const closed = path.join(folder.path, 'closed');
    await mkdir(closed, { mode: 0o700 });
    await run('cp', ['-R', packageFolder(), path.join(closed, 'package')]);
    const options = {
      place: folder.path,
      identity: await findIdentity(path.join(folder.path, 'cluster'), testLog),
      log: testLog,
      folder: path.join(closed, 'package'),
    };
    const { postgres } = await findBinaries(options);
    expect(postgres.startsWith(path.join(folder.path, 'binaries'))).toBe(true);
    const { ino } = await stat(postgres);
    await findBinaries(options);
    expect((await stat(postgres)).ino).toBe(ino);
  });

  test('a cluster of an ordinary user stays that user’s', async () => {
    await using folder = await makeFolder();
    const data = path.join(folder.path, 'data');
    await mkdir(data);
    await run('chown', [`${NOBODY}:${NOBODY}`, data]);
    const theirs = await startElsewhere(data, NOBODY);
    expect(await canConnect(theirs.url)).toBe(true);
    await theirs[Symbol.asyncDispose]();
    const server = await startEmbeddedPostgres({ folder: data, log: testLog, durable: false });
    expect((await stat(path.join(data, 'cluster'))).uid).toBe(NOBODY);
    await server.stop();
    await using again = await startElsewhere(data, NOBODY);
    expect(await canConnect(again.url)).toBe(true);
  });
});
