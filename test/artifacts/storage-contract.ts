import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { MissingFileError, type Storage } from '../../src/artifacts/index.ts';
import { collect, readAll } from './support.ts';

/** An empty storage. */
export type OpenStorage = () => Promise<{ storage: Storage } & AsyncDisposable>;

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
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

/** A store that lists so many files at once. */
export interface Pages {
  readonly open: OpenStorage;
  readonly size: number;
}

/**
 * What a storage has to promise that others can read and write without this server.
 * @param pages where fewer files are a page than with most stores
 */
export function s3Contract(open: OpenStorage, pages: Pages = { open, size: 1_000 }): void {
  const shown = { contentType: 'text/plain; charset=utf-8', disposition: 'inline; filename="a.txt"' };

  async function openDirect() {
    const opened = await open();
    const { direct } = opened.storage;
    if (direct === null) throw new Error('this storage has no URLs');
    return { ...opened, direct };
  }

  test('a file larger than a part is whole', { timeout: 30_000 }, async () => {
    await using opened = await open();
    const bytes = randomBytes(20_000_000);
    const { key, size, sha256 } = await opened.storage.put(inPieces(bytes));
    expect([size, sha256]).toEqual([bytes.length, createHash('sha256').update(bytes).digest('hex')]);
    expect((await readAll(await opened.storage.read(key))).equals(bytes)).toBe(true);
    const tail = await opened.storage.read(key, { start: 19_999_990, end: 19_999_999 });
    expect((await readAll(tail)).equals(bytes.subarray(-10))).toBe(true);
  });

  test('a source that breaks off between two parts leaves nothing', async () => {
    await using opened = await open();
    async function* broken(): AsyncGenerator<Uint8Array> {
      for (let n = 0; n < 10; n++) yield randomBytes(1_000_000);
      throw new Error('broken off');
    }
    await expect(opened.storage.put(broken())).rejects.toThrow('broken off');
    expect(await collect(opened.storage.list())).toEqual([]);
  });

  test('more files than a page are listed', { timeout: 60_000 }, async () => {
    await using opened = await pages.open();
    const { storage } = opened;
    const put = async () => (await storage.put(pieces('x'))).key;
    const keys: string[] = [];
    while (keys.length <= pages.size) keys.push(...(await Promise.all(Array.from({ length: 50 }, put))));
    expect((await collect(storage.list())).map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
  });

  test('a URL gives everybody the file, and stays the same for a while', async () => {
    await using opened = await openDirect();
    const { key } = await opened.storage.put(pieces('hello world'));
    const url = await opened.direct.downloadUrl(key, shown);
    const answer = await fetch(url, { headers: { range: 'bytes=6-' } });
    expect([answer.status, await answer.text()]).toEqual([206, 'world']);
    // It is another one only where the next hour begins in between.
    const twice = async () => [
      await opened.direct.downloadUrl(key, shown),
      await opened.direct.downloadUrl(key, shown),
    ];
    await expect.poll(async () => new Set(await twice()).size).toBe(1);
    expect(Number(new URL(url).searchParams.get('X-Amz-Expires'))).toBe(25 * 3600);
  });

  test('what others write is taken to a key that their URL does not reach', async () => {
    await using opened = await openDirect();
    const { storage, direct } = opened;
    const key = direct.awaitedKey();
    expect(await direct.take(key)).toBeNull();
    const wanted = { mimeType: 'image/png', sizeBytes: 5, sha256: null, expiresInSeconds: 60 };
    const { url, headers } = await direct.uploadUrl(key, wanted);
    expect((await fetch(url, { method: 'PUT', headers, body: 'first' })).status).toBe(200);
    const taken = await direct.take(key);
    expect(taken).not.toBe(key);
    expect((await fetch(url, { method: 'PUT', headers, body: 'later' })).status).toBe(200);
    expect((await readAll(await storage.read(taken ?? ''))).toString()).toBe('first');
    await storage.remove(key);
    expect((await collect(storage.list())).map((file) => file.key)).toEqual([taken]);
  });

  test('size, type and hash are in the signature of a URL to write with', async () => {
    await using opened = await openDirect();
    const { direct } = opened;
    const sha256 = createHash('sha256').update('hello').digest('hex');
    const wanted = { mimeType: 'image/png', sizeBytes: 5, sha256, expiresInSeconds: 60 };
    const { url, headers } = await direct.uploadUrl(direct.awaitedKey(), wanted);
    expect(headers).toEqual({
      'content-type': 'image/png',
      'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64'),
    });
    expect(new URL(url).searchParams.get('X-Amz-SignedHeaders')?.split(';')).toEqual([
      'content-length',
      'content-type',
      'host',
      'x-amz-checksum-sha256',
    ]);
  });
}
