import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InvalidInputError } from '../../src/errors.ts';
import { newId } from '../../src/ids.ts';
import { collect, createUser, openTestArtifacts, readAll, type TestArtifacts, wav } from './support.ts';

let shared: TestArtifacts;
beforeAll(async () => {
  shared = await openTestArtifacts({ maxBytes: 1_000_000 });
});
afterAll(() => shared[Symbol.asyncDispose]());

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'teal' } });

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

test('a saved file has its real type, size, hash and pixel size, whatever the caller says it is', async () => {
  const bytes = await picture(40, 30).png().toBuffer();
  const artifact = await shared.artifacts.save({ userId: shared.userId, bytes, mimeType: 'text/html' });
  expect(artifact).toMatchObject({
    userId: shared.userId,
    mimeType: 'image/png',
    sizeBytes: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    width: 40,
    height: 30,
    durationSeconds: null,
  });
  expect((await readAll(await shared.artifacts.read(artifact))).equals(bytes)).toBe(true);
});

test('a streamed file is the same as one saved whole', async () => {
  const bytes = await sharp(randomBytes(300 * 300 * 3), { raw: { width: 300, height: 300, channels: 3 } })
    .png()
    .toBuffer();
  expect(bytes.byteLength).toBeGreaterThan(256 * 1024);
  const { userId } = shared;
  const whole = await shared.artifacts.save({ userId, bytes });
  const streamed = await shared.artifacts.save({ userId, stream: pieces(bytes, 1_000) });
  expect(streamed).toMatchObject({ mimeType: 'image/png', width: 300, sha256: whole.sha256 });
});

test('a picture that is shown turned has the size that is shown', async () => {
  const bytes = await picture(40, 30).jpeg().withMetadata({ orientation: 6 }).toBuffer();
  const artifact = await shared.artifacts.save({ userId: shared.userId, bytes });
  expect(artifact).toMatchObject({ mimeType: 'image/jpeg', width: 30, height: 40 });
});

test('the length of a wave file comes from its header, or from its size where a streaming writer left it open', async () => {
  const { userId } = shared;
  const save = (bytes: Buffer) => shared.artifacts.save({ userId, bytes });
  const known = { mimeType: 'audio/wav', durationSeconds: 1.5 };
  expect(await save(wav({ seconds: 1.5 }))).toMatchObject(known);
  expect(await save(wav({ seconds: 1.5, declaredBytes: 0 }))).toMatchObject(known);
  expect(await save(wav({ seconds: 1.5, declaredBytes: 0xffff_ffff }))).toMatchObject(known);
});

test.each([
  ['text/plain; charset=utf-8', 'text/plain'],
  ['text/html', 'application/octet-stream'],
  ['image/png', 'application/octet-stream'],
  [undefined, 'application/octet-stream'],
])('bytes without a mark that are declared as %s are stored as %s', async (declared, stored) => {
  const artifact = await shared.artifacts.save({
    userId: shared.userId,
    bytes: Buffer.from('just some words'),
    ...(declared === undefined ? {} : { mimeType: declared }),
  });
  expect(artifact.mimeType).toBe(stored);
});

test('a damaged picture is stored without a pixel size', async () => {
  const bytes = (await picture(8, 8).png().toBuffer()).subarray(0, 20);
  expect(await shared.artifacts.save({ userId: shared.userId, bytes })).toMatchObject({ width: null });
});

test('a file over the limit, an empty one and one that breaks off leave nothing behind', async () => {
  await using house = await openTestArtifacts({ maxBytes: 1_000 });
  const { userId, artifacts } = house;
  const field = 'task.speechToText.audio.upload';
  const tooLarge = artifacts.save({ userId, stream: pieces(Buffer.alloc(1_001), 100), field });
  await expect(tooLarge).rejects.toEqual(
    new InvalidInputError([{ path: field, message: 'the file is larger than the limit of 1000 bytes' }]),
  );
  await expect(artifacts.save({ userId, bytes: new Uint8Array(), field })).rejects.toThrow(
    `${field}: the file is empty`,
  );
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half');
    throw new Error('the client went away');
  }
  await expect(artifacts.save({ userId, stream: broken() })).rejects.toThrow('the client went away');
  await expect(artifacts.save({ userId: newId(), bytes: Buffer.from('nobody') })).rejects.toThrow();
  const left = await collect(house.storage.list());
  expect(left).toEqual([]);
  expect(await house.database.prisma.artifact.count()).toBe(0);
  expect(await readdir(house.folder)).toContain('unfinished');
});

test('raw samples keep their format and their length', async () => {
  const artifact = await shared.artifacts.savePcm({
    userId: shared.userId,
    bytes: Buffer.alloc(48_000 * 2 * 2),
    sampleRate: 48_000,
    channels: 2,
  });
  expect(artifact).toMatchObject({ mimeType: 'audio/L16;rate=48000;channels=2', durationSeconds: 1 });
});

test.each([
  [{ sampleRate: 7_999 }, 'pcm.sampleRate: must be a whole number from 8000 to 192000'],
  [{ sampleRate: 16_000.5 }, 'pcm.sampleRate: must be a whole number from 8000 to 192000'],
  [{ channels: 0 }, 'pcm.channels: must be a whole number from 1 to 8'],
  [{ size: 3 }, 'pcm.data: must hold at least one frame, and whole ones of 2 bytes'],
  [{ size: 0 }, 'pcm.data: must hold at least one frame'],
  [{ size: 6, channels: 2 }, 'pcm.data: must hold at least one frame, and whole ones of 4'],
  [{ size: 1_000_002 }, 'pcm.data: the file is larger than the limit of 1000000 bytes'],
])('raw samples that cannot be right are refused with the field: %j', async (wrong, message) => {
  const keys = async () => (await collect(shared.storage.list())).map(({ key }) => key).toSorted();
  const before = await keys();
  const { size, ...format } = { size: 4, sampleRate: 16_000, channels: 1, ...wrong };
  const bytes = Buffer.alloc(size);
  const saving = shared.artifacts.savePcm({ userId: shared.userId, field: 'pcm', bytes, ...format });
  await expect(saving).rejects.toThrow(message);
  await expect(saving).rejects.toBeInstanceOf(InvalidInputError);
  expect(await keys()).toEqual(before);
});

test('only the owner can name an artifact; every other id is told with its path', async () => {
  const { artifacts, userId } = shared;
  const own = await artifacts.save({ userId, bytes: Buffer.from('mine') });
  const stranger = await createUser(shared.database);
  const others = await artifacts.save({ userId: stranger, bytes: Buffer.from('theirs') });
  expect(await artifacts.requireOwned(userId, [{ id: own.id, path: 'a' }])).toEqual([own]);
  const wanted = [own.id, others.id, newId()].map((id, n) => ({ id, path: `inputs.${n}` }));
  const message = 'no artifact of yours has this id';
  await expect(artifacts.requireOwned(userId, wanted)).rejects.toMatchObject({
    issues: [
      { path: 'inputs.1', message },
      { path: 'inputs.2', message },
    ],
  });
});
