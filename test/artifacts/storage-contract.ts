import { createHash, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { MissingFileError, type Storage } from '../../src/artifacts/index.ts';
import { collect, readAll } from './support.ts';

/** An empty storage. */
export type OpenStorage = () => Promise<{ storage: Storage } & AsyncDisposable>;

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

/** What every storage has to promise, whatever it stores in. */
export function storageContract(open: OpenStorage): void {
  test('what is put is read back, with its size and hash computed on the way', async () => {
    await using opened = await open();
    const { storage } = opened;
    const stored = await storage.put(pieces('hello ', 'world'));
    const sha256 = createHash('sha256').update('hello world').digest('hex');
    expect(stored).toEqual({ key: expect.any(String), size: 11, sha256 });
    expect((await readAll(await storage.read(stored.key))).toString()).toBe('hello world');
    const blob = await storage.blob(stored.key, 'text/plain');
    expect([blob.type, blob.size, await blob.text()]).toEqual(['text/plain', 11, 'hello world']);
  });

  test('a part is read with both of its ends', async () => {
    await using opened = await open();
    const { key } = await opened.storage.put(pieces('hello world'));
    const read = async (start: number, end: number) =>
      (await readAll(await opened.storage.read(key, { start, end }))).toString();
    expect(await read(0, 0)).toBe('h');
    expect(await read(6, 10)).toBe('world');
  });

  test('the same bytes twice are two files', async () => {
    await using opened = await open();
    const { storage } = opened;
    const [one, two] = [await storage.put(pieces('same')), await storage.put(pieces('same'))];
    expect(one.key).not.toBe(two.key);
    await storage.remove(one.key);
    expect((await readAll(await storage.read(two.key))).toString()).toBe('same');
  });

  test('a source that breaks off leaves nothing', async () => {
    await using opened = await open();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      throw new Error('broken off');
    }
    await expect(opened.storage.put(broken())).rejects.toThrow('broken off');
    expect(await collect(opened.storage.list())).toEqual([]);
  });

  test('an empty file is a file', async () => {
    await using opened = await open();
    const { key, size } = await opened.storage.put(pieces());
    expect(size).toBe(0);
    expect(await readAll(await opened.storage.read(key))).toHaveLength(0);
  });

  test('a removed file is missing; removing it again does nothing', async () => {
    await using opened = await open();
    const { storage } = opened;
    const { key } = await storage.put(pieces('gone'));
    await storage.remove(key);
    await storage.remove(key);
    await expect(storage.read(key)).rejects.toBeInstanceOf(MissingFileError);
    await expect(storage.blob(key, 'text/plain')).rejects.toBeInstanceOf(MissingFileError);
  });

  test('every file is listed with the time of its writing', async () => {
    await using opened = await open();
    const { storage } = opened;
    const before = Date.now() - 2_000;
    const keys = await Promise.all(
      Array.from({ length: 20 }, async () => (await storage.put(pieces('x'))).key),
    );
    const listed = await collect(storage.list());
    expect(listed.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
    for (const { modifiedAt } of listed) expect(modifiedAt.getTime()).toBeGreaterThan(before);
  });

  test('a key that it never gave out reaches nothing', async () => {
    await using opened = await open();
    for (const key of ['../secret', `zz/${randomUUID()}`, '/etc/passwd', '']) {
      await expect(async () => opened.storage.read(key)).rejects.toThrow();
    }
  });
}
