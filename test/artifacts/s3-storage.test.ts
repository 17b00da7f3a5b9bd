import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStorage, type StorageLocation } from '../../src/artifacts/index.ts';
import { startPager, startTestS3, type TestS3 } from './s3-server.ts';
import { s3Contract, storageContract } from './storage-contract.ts';

let server: TestS3;
beforeAll(async () => {
  server = await startTestS3();
});
afterAll(() => server[Symbol.asyncDispose]());

async function openFolder(change: Partial<StorageLocation> = {}) {
  const storage = await openStorage({ ...server.location(`${randomUUID()}/`), ...change } as StorageLocation);
  return { storage, [Symbol.asyncDispose]: async () => storage.close() };
}

async function openPaged() {
  const pager = await startPager(server.location('').endpoint ?? '', 20);
  const { storage, ...folder } = await openFolder({ endpoint: pager.url });
  return {
    storage,
    async [Symbol.asyncDispose]() {
      await folder[Symbol.asyncDispose]();
      await pager[Symbol.asyncDispose]();
    },
  };
}

storageContract(openFolder);
s3Contract(openFolder, { open: openPaged, size: 20 });

test('URLs are for where clients reach the store', async () => {
  const publicEndpoint = 'https://files.example.org';
  await using opened = await openFolder({ publicEndpoint });
  const { direct } = opened.storage;
  const shown = { contentType: 'image/png', disposition: 'inline' };
  const wanted = { mimeType: 'image/png', sizeBytes: 5, sha256: null, expiresInSeconds: 60 };
  const { key } = await opened.storage.put((async function* () {})());
  expect(new URL((await direct?.downloadUrl(key, shown)) ?? '').origin).toBe(publicEndpoint);
  const { url } = (await direct?.uploadUrl(direct.awaitedKey(), wanted)) ?? { url: '' };
  expect(new URL(url).origin).toBe(publicEndpoint);
});

test('a store that cannot be reached says so, and soon', async () => {
  await using opened = await openFolder({ endpoint: 'http://127.0.0.1:1' });
  await expect(opened.storage.read(`aa/${randomUUID()}`)).rejects.toThrow('ECONNREFUSED');
});
