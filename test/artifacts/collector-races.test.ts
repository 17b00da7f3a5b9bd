import { utimes } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Artifacts } from '../../src/artifacts/index.ts';
import { namingColumns } from '../../src/artifacts/named.ts';
import type { Artifact } from '../../src/database/index.ts';
import { InvalidInputError, NotFoundError } from '../../src/errors.ts';
import type { Claimed } from '../../src/tasks/index.ts';
import { expectInvariants } from '../support/invariants.ts';
import { drain, finish, openYard, submission, success, type Yard } from '../support/yard.ts';
import { collect, openTestArtifacts, readAll, type TestArtifacts } from './support.ts';

const TWO_DAYS_MS = 2 * 24 * 3600 * 1000;

let yard: Yard;
let house: TestArtifacts;
let collectors: readonly Artifacts[];
beforeAll(async () => {
  yard = await openYard();
  house = await openTestArtifacts({ database: yard.database });
  collectors = [house.artifacts, house.with({ database: yard.database })];
  await yard.addNode({ slots: 50 });
});
afterAll(async () => {
  await house?.[Symbol.asyncDispose]();
  await yard?.[Symbol.asyncDispose]();
});

/** An artifact that nothing has named for two days. */
async function old(userId: string, text: string): Promise<Artifact> {
  const artifact = await house.artifacts.save({ userId, bytes: Buffer.from(text) });
  const then = new Date(Date.now() - TWO_DAYS_MS);
  await yard.sql('UPDATE artifact SET created_at = $2 WHERE id = $1', [artifact.id, then]);
  await utimes(path.join(house.folder, artifact.storageKey), then, then);
  return artifact;
}

async function* slowly(text: string, turns: number): AsyncGenerator<Uint8Array> {
  for (const letter of text) {
    yield Buffer.from(letter);
    for (let n = 0; n < turns; n++) await new Promise(setImmediate);
  }
}

/** Its task names the old file, and stands; or it was too late for that. */
async function submitNaming(artifact: Artifact): Promise<string | null> {
  const wanted = { ...submission(artifact.userId), artifactIds: [artifact.id] };
  try {
    return (await yard.tasks.submit(wanted, 'VIP')).taskId;
  } catch (error) {
    if (error instanceof InvalidInputError) return null;
    throw error;
  }
}

/** Running tasks of the user. */
async function claimFor(userId: string, count: number): Promise<Claimed[]> {
  await Promise.all(Array.from({ length: count }, () => yard.tasks.submit(submission(userId), 'VIP')));
  return [...(await yard.tasks.claim({ workerId: yard.workerId, limit: 100 }))];
}

/** Ends a task with a file, as a worker does. Answers the file's id. */
async function settleWithFile(claimed: Claimed): Promise<string> {
  const { id } = await house.artifacts.save({
    ...{ userId: claimed.userId, bytes: Buffer.from('a result'), overQuota: true },
  });
  const end = { type: 'succeeded', result: { images: [id] }, artifactIds: [id] } as const;
  await finish(yard.tasks, { ...success(claimed), end });
  return id;
}

/** A file that arrives while its URL is expired away: then there is an artifact, or nothing. */
async function uploadLate(userId: string, turns: number): Promise<Artifact | null> {
  const text = 'a file on its way';
  const { artifactId } = await house.artifacts.createUpload(userId, {
    ...{ mimeType: 'text/plain', sizeBytes: text.length, sha256: null },
  });
  const receiving = house.artifacts.receiveUpload(artifactId, slowly(text, turns)).catch((error: unknown) => {
    if (error instanceof NotFoundError) return null;
    throw error;
  });
  const [received] = await Promise.all([
    receiving,
    yard.sql(`UPDATE upload SET expires_at = now() - interval '1 hour' WHERE id = $1`, [artifactId]),
  ]);
  return received;
}

/** Whatever a row names is there, byte for byte; and whatever is there for long has a row. */
async function expectWhole(): Promise<void> {
  const rows = await yard.database.prisma.artifact.findMany();
  for (const row of rows) {
    const bytes = await readAll(await house.storage.read(row.storageKey));
    expect(bytes.length).toBe(row.sizeBytes);
  }
  const keys = (await collect(house.storage.list())).map(({ key }) => key);
  expect(keys.toSorted()).toEqual(rows.map(({ storageKey }) => storageKey).toSorted());
  await expectInvariants(yard.database);
}

test('the columns that are looked at are all that name artifacts', async () => {
  const rows = await yard.sql<{ name: string }>(`
    SELECT conrelid::regclass || '.' || attname AS name
    FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
    WHERE contype = 'f' AND confrelid = 'artifact'::regclass`);
  expect(rows.map(({ name }) => name).toSorted()).toEqual(namingColumns.toSorted());
});

test('collectors, submissions that name old files, results and late uploads never lose what a row names', async () => {
  const action = fc.record({
    what: fc.constantFrom('submit', 'settle', 'upload', 'collect', 'expire'),
    turns: fc.integer({ min: 0, max: 30 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 8, maxLength: 20 }), async (actions) => {
      const userId = await yard.addUser();
      const olds = await Promise.all(actions.map((_, n) => old(userId, `old ${n}`)));
      const claimed = await claimFor(userId, actions.filter(({ what }) => what === 'settle').length);
      const kept: (string | null | undefined)[] = [];
      await Promise.all(
        actions.map(async ({ what, turns }, n) => {
          for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
          const [artifact, collector] = [olds[n], collectors[n % collectors.length]];
          const running = what === 'settle' ? claimed.pop() : undefined;
          if (what === 'submit' && artifact) kept.push((await submitNaming(artifact)) ? artifact.id : null);
          if (what === 'upload') kept.push((await uploadLate(userId, turns))?.id);
          if (running) kept.push(await settleWithFile(running));
          if (what === 'collect') await collector?.collectGarbage();
          if (what === 'expire') await collector?.collectUploads();
        }),
      );
      const ids = kept.filter((id) => id != null);
      expect(new Set((await house.artifacts.find(ids)).map(({ id }) => id))).toEqual(new Set(ids));
      await expectWhole();
      await drain(yard);
    }),
    { numRuns: 5 },
  );
});
