import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createLocalStorage } from '../../src/artifacts/index.ts';
import { storageContract } from './storage-contract.ts';
import { collect } from './support.ts';

async function openFolder() {
  const parent = await mkdtemp(path.join(tmpdir(), 'switchyard-storage-'));
  const folder = path.join(parent, 'not', 'there', 'yet');
  return {
    storage: createLocalStorage(folder),
    folder,
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }),
  };
}

storageContract(openFolder);

test('a file appears in its place only when it is whole; until then it is listed as unfinished', async () => {
  await using opened = await openFolder();
  const { storage } = opened;
  const half = Promise.withResolvers<void>();
  const rest = Promise.withResolvers<void>();
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('first ');
    half.resolve();
    await rest.promise;
    yield Buffer.from('second');
  }
  const putting = storage.put(slow());
  await half.promise;
  expect(await collect(storage.list())).toMatchObject([{ key: expect.stringMatching(/^unfinished\//) }]);
  rest.resolve();
  const { key } = await putting;
  expect(await collect(storage.list())).toMatchObject([{ key }]);
  expect(await readdir(path.join(opened.folder, 'unfinished'))).toEqual([]);
});
