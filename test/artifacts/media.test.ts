import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/ids.ts';
import { serve } from './http-support.ts';
import { createUser, openTestArtifacts, type TestArtifacts, wav } from './support.ts';

let house: TestArtifacts;
beforeAll(async () => {
  house = await openTestArtifacts();
});
afterAll(() => house?.[Symbol.asyncDispose]());

const signal = new AbortController().signal;
const gone = expect.objectContaining({
  name: 'MediaUnavailableError',
  message: 'the artifact of the input does not exist any more',
  retryable: false,
});

test('an artifact becomes media with a safe name, its type and its bytes', async () => {
  const { artifacts, userId } = house;
  const bytes = wav({ seconds: 0.1 });
  const artifact = await artifacts.save({ userId, bytes });
  const media = await artifacts.media({ artifactId: artifact.id }, { userId, signal });
  expect(media).toMatchObject({ fileName: 'audio.wav', mimeType: 'audio/wav', sizeBytes: bytes.byteLength });
  expect(media.pcm).toBe(undefined);
  const blob = await media.blob();
  expect([blob.type, Buffer.from(await blob.arrayBuffer()).equals(bytes)]).toEqual(['audio/wav', true]);
});

test('raw samples tell their format, by the reference or by the artifact', async () => {
  const { artifacts, userId } = house;
  const bytes = Buffer.alloc(16);
  const { id } = await artifacts.savePcm({ userId, bytes, sampleRate: 22_050, channels: 2 });
  const media = await artifacts.media({ artifactId: id }, { userId, signal });
  expect(media).toMatchObject({ fileName: 'audio.pcm', pcm: { sampleRate: 22_050, channels: 2 } });
  const pcm = { sampleRate: 8_000, channels: 1 };
  expect(await artifacts.media({ artifactId: id, pcm }, { userId, signal })).toMatchObject({ pcm });
});

test('an artifact that is gone, or another user’s, is not there', async () => {
  const { artifacts, userId } = house;
  const artifact = await artifacts.save({ userId, bytes: Buffer.from('x') });
  const stranger = await createUser(house.database);
  await expect(artifacts.media({ artifactId: newId() }, { userId, signal })).rejects.toEqual(gone);
  await expect(artifacts.media({ artifactId: artifact.id }, { userId: stranger, signal })).rejects.toEqual(
    gone,
  );
  const media = await artifacts.media({ artifactId: artifact.id }, { userId, signal });
  await rm(path.join(house.folder, artifact.storageKey));
  await expect(media.blob()).rejects.toEqual(gone);
});

test('a URL is fetched, over redirects, and its type found in its bytes', async () => {
  const bytes = wav({ seconds: 0.1 });
  await using server = await serve((request, response) => {
    if (request.url === '/start') response.writeHead(302, { location: '/end?x=1' }).end();
    else response.writeHead(200, { 'content-type': 'text/html' }).end(bytes);
  });
  const { database } = house;
  await using open = await openTestArtifacts({ database, allowHosts: [server.host] });
  const { userId } = open;
  const media = await open.artifacts.media({ url: `${server.url}/start` }, { userId, signal });
  expect(media).toMatchObject({ fileName: 'audio.wav', mimeType: 'audio/wav', sizeBytes: bytes.byteLength });
  expect(Buffer.from(await (await media.blob()).arrayBuffer()).equals(bytes)).toBe(true);
  expect(server.paths).toEqual(['/start', '/end?x=1']);
});

test('a URL that leads into the private network is not fetched', async () => {
  await using server = await serve((_request, response) => void response.end('secret'));
  await expect(house.artifacts.media({ url: server.url }, { userId: house.userId, signal })).rejects.toThrow(
    'the host 127.0.0.1 is not on the public internet, and not allowed on this server',
  );
  expect(server.paths).toEqual([]);
});
