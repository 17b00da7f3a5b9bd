import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openStorage, type StorageLocation } from '../../src/artifacts/index.ts';
import { s3Contract, storageContract } from '../artifacts/storage-contract.ts';
import { collect, openTestArtifacts } from '../artifacts/support.ts';
import { type CephStore, startCeph } from './ceph.ts';

let ceph: CephStore;
beforeAll(async () => {
  ceph = await startCeph();
}, 120_000);
afterAll(() => ceph?.[Symbol.asyncDispose]());

async function openFolder(change: Partial<Extract<StorageLocation, { type: 's3' }>> = {}) {
  const location = { ...ceph.location(`${randomUUID()}/`), ...change };
  const storage = await openStorage(location);
  return { storage, location, [Symbol.asyncDispose]: async () => storage.close() };
}

storageContract(openFolder);
s3Contract(openFolder);

async function direct() {
  const { storage } = await openFolder();
  if (storage.direct === null) throw new Error('S3 has URLs');
  return { storage, direct: storage.direct };
}

test('a URL to write with is good for its size, its type and its hash only, and for its time', async () => {
  const { storage, direct: access } = await direct();
  const key = access.awaitedKey();
  const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
  const wanted = { mimeType: 'image/png', sizeBytes: 5, sha256, expiresInSeconds: 3600 };
  const { url, headers } = await access.uploadUrl(key, wanted);
  const put = async (to: string, body: string, more: object = {}) => {
    const answer = await fetch(to, { method: 'PUT', headers: { ...headers, ...more }, body });
    return [answer.status, /<Code>(\w+)/.exec(await answer.text())?.[1]];
  };
  const forged = [403, 'SignatureDoesNotMatch'];
  expect(await put(url, 'hello!')).toEqual(forged);
  expect(await put(url, 'hell')).toEqual(forged);
  expect(await put(url, 'hello', { 'content-type': 'text/html' })).toEqual(forged);
  expect(await put(url, 'hello', { 'x-amz-checksum-sha256': 'x' })).toEqual(forged);
  expect(await put(url.replace(key, access.awaitedKey()), 'hello')).toEqual(forged);
  const brief = await access.uploadUrl(key, { ...wanted, expiresInSeconds: 1 });
  expect(await access.take(key)).toBeNull();
  expect(await put(url, 'hello')).toEqual([200, undefined]);
  expect(await access.take(key)).toMatch(/^[0-9a-f]{2}\//);
  await vi.waitFor(async () => expect((await put(brief.url, 'hello'))[0]).toBe(403), 20_000);
  storage.close();
});

test('a URL to read with says what the file is, and nothing of it can be changed', async () => {
  const { storage, direct: access } = await direct();
  const { key } = await storage.put(
    (async function* () {
      yield Buffer.from('hello');
    })(),
  );
  const shown = { contentType: 'text/plain; charset=utf-8', disposition: 'attachment; filename="a.txt"' };
  const url = await access.downloadUrl(key, shown);
  const answer = await fetch(url);
  expect(await answer.text()).toBe('hello');
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': shown.contentType,
    'content-disposition': shown.disposition,
    'cache-control': expect.stringContaining('private'),
  });
  expect((await fetch(url.replace('attachment', 'inline'))).status).toBe(403);
  expect((await fetch(url.split('?', 1)[0] ?? '')).status).toBe(403);
  storage.close();
});

test('what a killed process had sent of a file is listed as unfinished, and taken away by the clean-up', async () => {
  await using opened = await openFolder();
  const { storage, location } = opened;
  await using house = await openTestArtifacts({ storage });
  const kept = await house.artifacts.save({ userId: house.userId, bytes: Buffer.from('kept') });
  const script = path.join(import.meta.dirname, 'endless-put.ts');
  const flags = ['--disable-warning=ExperimentalWarning', script, JSON.stringify(location)];
  const child = spawn(process.execPath, flags, { stdio: 'inherit' });
  const unfinished = async () =>
    (await collect(storage.list())).filter(({ key }) => key.startsWith('unfinished/'));
  await vi.waitFor(async () => expect(await unfinished()).toHaveLength(1), { timeout: 20_000 });
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect((await collect(storage.list())).map(({ key }) => key)).toContain(kept.storageKey);
  await house.database.pool.query(`UPDATE artifact SET created_at = now() + interval '1 hour'`);
  expect(await house.artifacts.collectGarbage({ graceMs: 0 })).toEqual({ artifacts: 0, files: 1 });
  expect((await collect(storage.list())).map(({ key }) => key)).toEqual([kept.storageKey]);
});

test('wrong keys and a bucket that is not there are told as what they are', async () => {
  const credentials = { accessKeyId: 'switchyard', secretAccessKey: 'another' };
  await using wrongKeys = await openFolder({ credentials });
  await using noBucket = await openFolder({ bucket: 'nowhere' });
  const put = ({ storage }: typeof wrongKeys) => storage.put((async function* () {})());
  await expect(put(wrongKeys)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
  await expect(put(noBucket)).rejects.toMatchObject({ name: 'NoSuchBucket' });
});
