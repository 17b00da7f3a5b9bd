import { createHash, randomBytes, randomUUID } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStorage, type Storage, type UploadTicket } from '../../src/artifacts/index.ts';
import type { Artifact } from '../../src/database/index.ts';
import { InvalidInputError, QuotaExceededError } from '../../src/errors.ts';
import { newId } from '../../src/ids.ts';
import { type ServedArtifacts, serveArtifacts } from '../http/served-artifacts.ts';
import { startTestS3, type TestS3 } from './s3-server.ts';
import { collect, createUser, readAll } from './support.ts';

const NOT_SENT = 'its bytes have not arrived yet: send them with PUT to the URL that createUpload answered';
const picture = await sharp({ create: { width: 40, height: 30, channels: 3, background: 'teal' } })
  .png()
  .toBuffer();
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** As a caller has it: an upload of its own user, on one of the storages. */
async function begin(served: ServedArtifacts, request: Partial<Parameters<typeof ask>[2]> = {}) {
  const userId = await createUser(served.house.database);
  return { userId, ticket: await ask(served, userId, { ...announced, ...request }) };
}

const announced = { mimeType: 'image/png', sizeBytes: picture.length, sha256: null as string | null };

const ask = ({ house }: ServedArtifacts, userId: string, request: typeof announced) =>
  house.artifacts.createUpload(userId, request);

const send = ({ url, headers }: UploadTicket, body: Uint8Array<ArrayBuffer>): Promise<Response> =>
  fetch(url, { method: 'PUT', headers, body });

/** What MediaSource.artifactId does with it. */
async function use({ house }: ServedArtifacts, userId: string, id: string): Promise<Artifact | undefined> {
  return (await house.artifacts.requireOwned(userId, [{ id, path: 'image.artifactId' }]))[0];
}

async function keysOf({ house }: ServedArtifacts): Promise<string[]> {
  return (await collect(house.storage.list())).map(({ key }) => key).toSorted();
}

async function expire({ house }: ServedArtifacts, id: string): Promise<void> {
  const expiresAt = new Date(Date.now() - 3_600_000);
  await house.database.prisma.upload.update({ where: { id }, data: { expiresAt } });
}

async function storedBytes({ house }: ServedArtifacts, userId: string): Promise<bigint> {
  return (await house.database.prisma.userStorage.findUniqueOrThrow({ where: { userId } })).bytes;
}

let s3: TestS3;
beforeAll(async () => {
  s3 = await startTestS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

describe.each(['folder', 's3'] as const)('a file that is sent to a %s', (where) => {
  let served: ServedArtifacts;
  let storage: Storage | undefined;
  beforeAll(async () => {
    const limits = { FREE: 1, PRO: null, VIP: null };
    storage = where === 's3' ? await openStorage(s3.location(`${randomUUID()}/`)) : undefined;
    served = await serveArtifacts({ ...(storage ? { storage } : {}), limits });
  });
  afterAll(async () => {
    await served?.[Symbol.asyncDispose]();
    storage?.close();
  });

  test('is an artifact once its bytes are there, with all that they tell', async () => {
    const { userId, ticket } = await begin(served, { sha256: sha256Of(picture) });
    expect(ticket.expiresAt.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
    await expect(use(served, userId, ticket.artifactId)).rejects.toEqual(
      new InvalidInputError([{ path: 'image.artifactId', message: NOT_SENT }]),
    );
    expect((await send(ticket, picture)).status).toBe(200);
    const artifact = await use(served, userId, ticket.artifactId);
    expect(artifact).toMatchObject({
      ...{ id: ticket.artifactId, userId, mimeType: 'image/png', sizeBytes: picture.length },
      ...{ sha256: sha256Of(picture), width: 40, height: 30 },
    });
    if (!artifact) throw new Error('there is no artifact');
    expect((await readAll(await served.house.artifacts.read(artifact))).equals(picture)).toBe(true);
    const download = await fetch(await served.house.artifacts.signedUrl(artifact));
    expect(Buffer.from(await download.arrayBuffer()).equals(picture)).toBe(true);
    expect(await storedBytes(served, userId)).toBe(BigInt(picture.length));
  });

  test('is nobody else’s, before and after', async () => {
    const { ticket } = await begin(served);
    const stranger = await createUser(served.house.database);
    await expect(use(served, stranger, ticket.artifactId)).rejects.toThrow('no artifact of yours');
    await send(ticket, picture);
    await expect(use(served, stranger, ticket.artifactId)).rejects.toThrow('no artifact of yours');
    expect(await served.house.artifacts.load([ticket.artifactId])).toMatchObject([
      { sizeBytes: picture.length },
    ]);
  });

  test('may be sent again after other bytes were refused', async () => {
    const before = await keysOf(served);
    const { userId, ticket } = await begin(served, { sha256: sha256Of(picture) });
    const wrong = randomBytes(picture.length);
    const answer = await send(ticket, wrong);
    const refused = `the file's sha256 is ${sha256Of(wrong)}, not the ${sha256Of(picture)} announced`;
    if (where === 'folder') expect([answer.status, await answer.text()]).toEqual([400, `${refused}\n`]);
    await expect(use(served, userId, ticket.artifactId)).rejects.toThrow(
      where === 'folder' ? NOT_SENT : `what was sent is refused: ${refused}`,
    );
    expect(await keysOf(served)).toEqual(before);
    expect((await send(ticket, picture)).status).toBe(200);
    expect(await use(served, userId, ticket.artifactId)).toMatchObject({ width: 40 });
  });

  test('is refused where it is of another sort than was announced', async () => {
    const text = Buffer.from('no picture at all');
    const { userId, ticket } = await begin(served, { sizeBytes: text.length });
    await send(ticket, text);
    await expect(use(served, userId, ticket.artifactId)).rejects.toThrow(
      where === 'folder' ? NOT_SENT : 'the file is application/octet-stream, not the image/png announced',
    );
  });

  test('is one artifact, and one file, however often it is sent and used at the same time', async () => {
    const before = (await keysOf(served)).length;
    const { userId, ticket } = await begin(served);
    const answers = await Promise.all(Array.from({ length: 4 }, () => send(ticket, picture)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const [one, other] = [served.house.artifacts, served.house.with(storage ? { storage } : {})];
    const wanted = [{ id: ticket.artifactId, path: 'x' }];
    const used = await Promise.all(
      [one, other, one, other].map((artifacts) => artifacts.requireOwned(userId, wanted)),
    );
    expect(new Set(used.map(([artifact]) => artifact?.storageKey)).size).toBe(1);
    expect((await send(ticket, picture)).status).toBe(200);
    const { key } = { key: used[0]?.[0]?.storageKey };
    // What is written to the URL later is no file of anybody's: the clean-up takes it.
    expect((await keysOf(served)).filter((name) => !name.startsWith('uploads/'))).toHaveLength(before + 1);
    expect(await keysOf(served)).toContain(key);
    expect(await storedBytes(served, userId)).toBe(BigInt(picture.length));
  });

  test('has its place in the quota from the start, and gives it back where it never comes', async () => {
    const { userId, ticket } = await begin(served, { sizeBytes: 600_000 });
    const more = { ...announced, sizeBytes: 400_001 };
    await expect(ask(served, userId, more)).rejects.toEqual(
      new QuotaExceededError(
        'no more than 1 MB of files may be stored, and 0.6 MB are without this one of 0.41 MB; delete tasks whose files are not needed any more',
        1,
      ),
    );
    await ask(served, userId, { ...more, sizeBytes: 400_000 });
    expect(await served.house.artifacts.collectUploads()).toBe(0);
    await expire(served, ticket.artifactId);
    expect(await served.house.artifacts.collectUploads()).toBe(1);
    expect(await storedBytes(served, userId)).toBe(400_000n);
    await expect(use(served, userId, ticket.artifactId)).rejects.toThrow('no artifact of yours');
    if (where === 'folder') expect((await send(ticket, Buffer.alloc(600_000))).status).toBe(404);
  });

  test('is kept where it came, but was not used before its URL expired', async () => {
    const { userId, ticket } = await begin(served);
    await send(ticket, picture);
    if (where === 's3') await expire(served, ticket.artifactId);
    expect(await served.house.artifacts.collectUploads()).toBe(0);
    expect(await served.house.artifacts.find([ticket.artifactId])).toMatchObject([{ userId }]);
    expect(await served.house.database.prisma.upload.count({ where: { userId } })).toBe(0);
  });

  test('is refused with all that is wrong with what was announced', async () => {
    const userId = await createUser(served.house.database);
    const wrong = { mimeType: 'picture', sizeBytes: 0, sha256: 'abc' };
    await expect(ask(served, userId, wrong)).rejects.toMatchObject({
      issues: [
        { path: 'mimeType', message: 'must be a MIME type, such as image/png' },
        { path: 'sizeBytes', message: 'must be 1 to 50,000,000 bytes' },
        { path: 'sha256', message: 'must be 64 hexadecimal digits' },
      ],
    });
    const many = Array.from({ length: 1_000 }, () => ({
      ...{ id: newId(), userId, mimeType: 'image/png', sizeBytes: 1, expiresAt: new Date() },
    }));
    await served.house.database.prisma.upload.createMany({ data: many });
    await expect(ask(served, userId, announced)).rejects.toThrow('no more than 1000 uploads may be open');
  });
});
