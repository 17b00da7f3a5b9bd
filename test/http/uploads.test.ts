import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createUrlSigner } from '../../src/artifacts/signed-url.ts';
import { collect, createUser } from '../artifacts/support.ts';
import { type ServedArtifacts, serveArtifacts } from './served-artifacts.ts';

let served: ServedArtifacts;
let userId: string;
beforeAll(async () => {
  served = await serveArtifacts();
  userId = await createUser(served.house.database);
});
afterAll(() => served?.[Symbol.asyncDispose]());

const words = Buffer.from('just some words');

const begin = (sizeBytes = words.length, mimeType = 'text/plain') =>
  served.house.artifacts.createUpload(userId, { mimeType, sizeBytes, sha256: null });

async function put(url: string, headers: Record<string, string>, body: BodyInit = words): Promise<string> {
  const answer = await fetch(url, { method: 'PUT', headers, body, duplex: 'half' } as RequestInit);
  return `${answer.status} ${(await answer.text()).trim()}`;
}

test('a URL takes one size and one type of file, and tells what it takes', async () => {
  const { url, headers } = await begin();
  expect(await put(url, headers, Buffer.from('other words'))).toBe('400 this URL is for 15 bytes, not 11');
  expect(await put(url, { 'content-type': 'text/html' })).toBe(
    '415 this URL is for Content-Type: text/plain, not text/html',
  );
  const unknownLength = new Blob([words]).stream();
  expect(await put(url, headers, unknownLength)).toMatch(/^411 send Content-Length/);
  expect(await put(url, { 'content-type': 'text/plain' })).toMatch(/^200 stored as artifact_/);
});

test('a URL that is altered, for something else or expired takes nothing', async () => {
  const { url, headers, artifactId } = await begin();
  const altered = async (change: (parameters: URLSearchParams) => void) => {
    const other = new URL(url);
    change(other.searchParams);
    return put(other.href, headers, Buffer.alloc(Number(other.searchParams.get('size'))));
  };
  const forged = /^403 this URL is not signed by this server for an upload/;
  expect(await altered((parameters) => parameters.set('size', '1000'))).toMatch(forged);
  expect(await altered((parameters) => parameters.set('type', 'text/html'))).toMatch(forged);
  expect(await altered((parameters) => parameters.set('expires', '9999999999'))).toMatch(forged);
  const artifact = await served.house.artifacts.save({ userId, bytes: words });
  expect(await put(await served.house.artifacts.signedUrl(artifact), headers)).toMatch(forged);
  expect((await fetch(url)).status).toBe(403);
  const signer = createUrlSigner({
    signingKey: new Uint8Array(32).fill(7),
    publicUrl: served.url,
    clock: served.house.database.clock,
  });
  const upload = { artifactId, sizeBytes: words.length, mimeType: 'text/plain' };
  const expired = signer.signUpload(upload, served.house.database.clock.now());
  expect(await put(expired, headers)).toMatch(/^403 this URL has expired; ask createUpload for a new one/);
  expect(await served.house.artifacts.find([artifactId])).toEqual([]);
});

test('a page of any origin may ask for it', async () => {
  const { url } = await begin();
  const headers = { origin: 'https://studio.example', 'access-control-request-method': 'PUT' };
  const answer = await fetch(url, { method: 'OPTIONS', headers });
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  expect(answer.headers.get('access-control-allow-methods')).toContain('PUT');
  expect(answer.headers.get('access-control-allow-headers')).toContain('content-type');
});

test('a client that goes away in the middle leaves nothing, and may send the file again', async () => {
  const { url, headers, artifactId } = await begin(1_000_000);
  const { pathname, search, port } = new URL(url);
  const before = (await collect(served.house.storage.list())).length;
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n`);
  socket.write('Content-Length: 1000000\r\n\r\n');
  socket.write(Buffer.alloc(500_000));
  const unfinished = async () =>
    (await collect(served.house.storage.list())).filter(({ key }) => key.startsWith('unfinished/')).length;
  await expect.poll(unfinished).toBe(1);
  socket.destroy();
  await expect.poll(unfinished).toBe(0);
  expect((await collect(served.house.storage.list())).length).toBe(before);
  expect(await served.house.artifacts.find([artifactId])).toEqual([]);
  expect(await put(url, { ...headers }, Buffer.alloc(1_000_000))).toMatch(/^200/);
  expect(await served.house.artifacts.find([artifactId])).toMatchObject([{ sizeBytes: 1_000_000 }]);
});
