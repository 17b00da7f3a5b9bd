import { randomUUID } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openStorage } from '../../src/artifacts/index.ts';
import type { Database } from '../../src/database/index.ts';
import { newId } from '../../src/ids.ts';
import { startTestS3 } from './s3-server.ts';
import { collect, openTestArtifacts, type TestArtifacts } from './support.ts';

const DAY_MS = 24 * 3600 * 1000;
/** Prisma's word for a foreign key that leads nowhere. */
const NO_SUCH_ARTIFACT = 'P2003';

/** A task of the user, and the row that makes it name the artifact. */
async function createTask(database: Database, userId: string): Promise<string> {
  const { id: queueId } = await database.prisma.queue.upsert({
    where: { bossName: 'q' },
    create: { id: newId(), kind: 'TEXT_TO_IMAGE', model: 'm', bossName: 'q' },
    update: {},
  });
  const { id } = await database.prisma.task.create({
    data: {
      id: newId(),
      userId,
      queueId,
      kind: 'TEXT_TO_IMAGE',
      model: 'm',
      status: 'QUEUED',
      priority: 'NORMAL',
      maxAttempts: 3,
      timeoutMs: 1_000,
      cost: 1,
    },
  });
  return id;
}

const save = ({ artifacts, userId }: TestArtifacts, text: string) =>
  artifacts.save({ userId, bytes: Buffer.from(text) });

/** Makes everything two days older. */
async function age(house: TestArtifacts): Promise<void> {
  await house.database.pool.query(`UPDATE artifact SET created_at = created_at - interval '2 days'`);
  for (const { key, modifiedAt } of await collect(house.storage.list())) {
    const older = new Date(modifiedAt.getTime() - 2 * DAY_MS);
    await utimes(path.join(house.folder, key), older, older);
  }
}

const keys = async ({ storage }: TestArtifacts) => (await collect(storage.list())).map(({ key }) => key);

test('artifacts that no task names go with their files once they are old; the others stay', async () => {
  await using house = await openTestArtifacts();
  const { artifacts, database, userId } = house;
  const [used, unused] = [await save(house, 'used'), await save(house, 'unused')];
  const taskId = await createTask(database, userId);
  await database.prisma.taskArtifact.create({ data: { taskId, artifactId: used.id } });
  expect(await artifacts.collectGarbage()).toEqual({ artifacts: 0, files: 0 });
  await age(house);
  const young = await save(house, 'young');
  expect(await artifacts.collectGarbage()).toEqual({ artifacts: 1, files: 0 });
  expect((await artifacts.find([used.id, unused.id, young.id])).map(({ id }) => id).toSorted()).toEqual(
    [used.id, young.id].toSorted(),
  );
  expect((await keys(house)).toSorted()).toEqual([used.storageKey, young.storageKey].toSorted());
  await database.prisma.task.delete({ where: { id: taskId } });
  expect(await artifacts.collectGarbage()).toEqual({ artifacts: 1, files: 0 });
});

test('files without a row go once they are old, finished or not', async () => {
  await using house = await openTestArtifacts();
  const kept = await save(house, 'kept');
  const orphan = await house.storage.put((async function* () {})());
  const unfinished = `unfinished/${randomUUID()}`;
  await mkdir(path.join(house.folder, 'unfinished'), { recursive: true });
  await writeFile(path.join(house.folder, unfinished), 'half');
  expect(await house.artifacts.collectGarbage()).toEqual({ artifacts: 0, files: 0 });
  await age(house);
  await house.database.pool.query('UPDATE artifact SET created_at = now()');
  expect((await keys(house)).toSorted()).toEqual([kept.storageKey, orphan.key, unfinished].toSorted());
  expect(await house.artifacts.collectGarbage()).toEqual({ artifacts: 0, files: 2 });
  expect(await keys(house)).toEqual([kept.storageKey]);
});

test('an artifact that a task names while garbage is collected is kept, or else the task cannot name it', async () => {
  await using house = await openTestArtifacts();
  const { artifacts, database, userId } = house;
  const olds = await Promise.all(Array.from({ length: 40 }, (_, n) => save(house, `old ${n}`)));
  await age(house);
  const taskId = await createTask(database, userId);
  const [unnamed, kept]: [string[], string[]] = [olds.map(({ id }) => id), []];
  const nameSome = async () => {
    for (let artifactId = unnamed.pop(); artifactId; artifactId = unnamed.pop()) {
      const isThere = await database.prisma.taskArtifact.create({ data: { taskId, artifactId } }).then(
        () => true,
        (error: { code?: string }) => {
          if (error.code === NO_SUCH_ARTIFACT) return false;
          throw error;
        },
      );
      if (isThere) kept.push(artifactId);
    }
  };
  // No more than there are connections: whoever waits for one too long names nothing.
  const [collected] = await Promise.all([artifacts.collectGarbage(), ...Array.from({ length: 4 }, nameSome)]);
  expect(collected.artifacts).toBe(olds.length - kept.length);
  expect((await artifacts.find(kept)).length).toBe(kept.length);
  expect(await keys(house)).toHaveLength(kept.length);
});

test('more than one group is collected in one go', async () => {
  await using house = await openTestArtifacts();
  const { id } = await save(house, 'one');
  await house.database.pool.query(
    `INSERT INTO artifact SELECT gen_random_uuid(), user_id, 'aa/' || gen_random_uuid(), mime_type, size_bytes, sha256
     FROM artifact, generate_series(1, 1100) WHERE id = $1`,
    [id],
  );
  await age(house);
  // A process that stops has no time for it.
  const stopped = { signal: AbortSignal.abort() };
  expect(await house.artifacts.collectGarbage(stopped)).toEqual({ artifacts: 0, files: 0 });
  expect(await house.artifacts.collectGarbage()).toEqual({ artifacts: 1101, files: 0 });
});

test('in S3 only what is ours goes, and nothing that an artifact or an open upload names', async () => {
  await using s3 = await startTestS3();
  const location = s3.location('artifacts/');
  const storage = await openStorage(location);
  await using house = await openTestArtifacts({ storage });
  const { artifacts, database, userId } = house;
  const put = async (name: string) => {
    const url = `${location.endpoint}/${location.bucket}/${name}`;
    expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(200);
  };
  const used = await save(house, 'used');
  const taskId = await createTask(database, userId);
  await database.prisma.taskArtifact.create({ data: { taskId, artifactId: used.id } });
  await save(house, 'unused');
  await storage.put((async function* () {})());
  const ticket = await artifacts.createUpload(userId, { mimeType: 'text/plain', sizeBytes: 4, sha256: null });
  await fetch(ticket.url, { method: 'PUT', headers: ticket.headers, body: 'sent' });
  const [awaited] = await database.prisma.upload.findMany();
  // A process was killed between its copy and the row of the artifact.
  await storage.direct?.take(awaited?.storageKey ?? '');
  await put('artifacts/notes.txt');
  await put(`elsewhere/aa/${randomUUID()}`);
  await put(`artifacts/uploads/${randomUUID()}`);
  expect(await artifacts.collectGarbage({ graceMs: 0 })).toEqual({ artifacts: 1, files: 3 });
  expect(await keys(house)).toEqual([used.storageKey, awaited?.storageKey]);
  await artifacts.requireOwned(userId, [{ id: ticket.artifactId, path: 'x' }]);
  expect(await artifacts.find([ticket.artifactId])).toMatchObject([{ sizeBytes: 4 }]);
  expect((await fetch(`${location.endpoint}/${location.bucket}/artifacts/notes.txt`)).status).toBe(200);
  storage.close();
});
