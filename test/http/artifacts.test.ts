import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Artifact } from '../../src/database/index.ts';
import { encodeId, newId } from '../../src/ids.ts';
import { type ServedArtifacts, serveArtifacts } from './served-artifacts.ts';

interface Served extends ServedArtifacts {
  save(bytes: Uint8Array, mimeType?: string): Promise<{ artifact: Artifact; url: string; etag: string }>;
}

async function serve(): Promise<Served> {
  const plain = await serveArtifacts();
  const { artifacts, userId } = plain.house;
  return {
    ...plain,
    async save(bytes, mimeType) {
      const artifact = await artifacts.save({ userId, bytes, ...(mimeType ? { mimeType } : {}) });
      return { artifact, url: await artifacts.signedUrl(artifact), etag: `"${artifact.sha256}"` };
    },
  };
}

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.[Symbol.asyncDispose]());

const alphabet = Buffer.from('abcdefghijklmnopqrstuvwxyz');

test('a signed URL gives the file with headers that keep it safe and cached', async () => {
  const { artifact, url, etag } = await served.save(alphabet, 'text/plain');
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(alphabet.toString());
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'access-control-allow-origin': '*',
    'content-type': 'text/plain; charset=utf-8',
    'content-length': '26',
    'content-disposition': `inline; filename="${encodeId('Artifact', artifact.id)}.txt"`,
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    'content-security-policy': expect.stringMatching(/^default-src 'none'.*sandbox$/),
    etag,
  });
  const [, seconds] =
    /^private, max-age=(\d+), immutable$/.exec(response.headers.get('cache-control') ?? '') ?? [];
  expect(Number(seconds)).toBeGreaterThan(23 * 3600);
});

test('what a browser could run is a download', async () => {
  const page = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
  const { url } = await served.save(Buffer.from(page), 'image/svg+xml');
  const { headers } = await fetch(url);
  expect(headers.get('content-disposition')).toMatch(/^attachment; /);
});

test('a part of the file is given with its place, and one outside of it refused', async () => {
  const { url } = await served.save(alphabet);
  const get = async (range: string) => {
    const response = await fetch(url, { headers: { range } });
    const { status, headers } = response;
    return [status, headers.get('content-range'), headers.get('content-length'), await response.text()];
  };
  expect(await get('bytes=2-4')).toEqual([206, 'bytes 2-4/26', '3', 'cde']);
  expect(await get('bytes=-3')).toEqual([206, 'bytes 23-25/26', '3', 'xyz']);
  expect(await get('bytes=26-')).toMatchObject([416, 'bytes */26', expect.anything(), expect.anything()]);
  expect(await get('bytes=0-1,4-5')).toEqual([200, null, '26', alphabet.toString()]);
});

test('a range counts only for the version that the client has begun with', async () => {
  const { url, etag } = await served.save(alphabet);
  const get = async (ifRange: string) =>
    (await fetch(url, { headers: { range: 'bytes=1-1', 'if-range': ifRange } })).text();
  expect(await get(etag)).toBe('b');
  expect(await get('"another"')).toBe(alphabet.toString());
});

test('HEAD tells the same headers without the file, and who has the file is told so', async () => {
  const { url, etag } = await served.save(alphabet);
  const head = await fetch(url, { method: 'HEAD', headers: { range: 'bytes=0-1' } });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '26', '']);
  for (const known of [etag, `"other", W/${etag}`, '*']) {
    const unchanged = await fetch(url, { headers: { 'if-none-match': known } });
    expect([unchanged.status, unchanged.headers.get('etag'), await unchanged.text()]).toEqual([
      304,
      etag,
      '',
    ]);
  }
  expect((await fetch(url, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
});

test('a URL that is altered, unsigned or has expired is refused, and one of no artifact is not found', async () => {
  const { artifact, url } = await served.save(alphabet);
  const status = async (change: (changed: URL) => void) => {
    const changed = new URL(url);
    change(changed);
    return (await fetch(changed)).status;
  };
  expect(await status((u) => u.searchParams.set('expires', '99999999999'))).toBe(403);
  expect(await status((u) => u.searchParams.set('signature', 'x'))).toBe(403);
  expect(await status((u) => u.searchParams.delete('signature'))).toBe(403);
  expect(
    await status((u) => {
      u.pathname = `/artifacts/${encodeId('Artifact', newId())}`;
    }),
  ).toBe(403);
  expect(
    await status((u) => {
      u.pathname = '/artifacts/../../etc/passwd';
    }),
  ).toBe(418);
  expect((await fetch(`${served.url}/artifacts/nothing`)).status).toBe(404);
  expect((await fetch(`${served.url}/artifacts/..%2f..%2fetc%2fpasswd`)).status).toBe(404);
  const unknown = await served.house.artifacts.signedUrl({ ...artifact, id: newId() });
  expect((await fetch(unknown)).status).toBe(404);
  expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(405);
  expect((await fetch(`${served.url}/elsewhere`)).status).toBe(418);
});

test('a file that has gone from the storage is not found', async () => {
  const { artifact, url } = await served.save(alphabet);
  await rm(path.join(served.house.folder, artifact.storageKey));
  expect((await fetch(url)).status).toBe(404);
});

test('a client that goes away in the middle leaves nothing open, and one that reads slowly gets everything', async () => {
  const bytes = Buffer.alloc(20_000_000, 'switchyard ');
  const { url } = await served.save(bytes);
  const { port, pathname, search } = new URL(url);
  const leaving = connect(Number(port), '127.0.0.1');
  leaving.write(`GET ${pathname}${search} HTTP/1.1\r\nhost: x\r\n\r\n`);
  await once(leaving, 'data');
  leaving.destroy();
  const response = await fetch(url);
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(size).toBe(bytes.byteLength);
});
