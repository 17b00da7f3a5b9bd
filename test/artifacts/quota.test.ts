import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Artifacts } from '../../src/artifacts/index.ts';
import { QuotaExceededError } from '../../src/errors.ts';
import { expectInvariants } from '../support/invariants.ts';
import { collect, createUser, openTestArtifacts, type TestArtifacts } from './support.ts';

const limits = { FREE: 1, PRO: 2, VIP: null };
const EXCEEDED = new QuotaExceededError(
  'no more than 1 MB of files may be stored, and 0.95 MB are without this one of 0.1 MB; delete tasks whose files are not needed any more',
  1,
);

let house: TestArtifacts;
let other: Artifacts;
beforeAll(async () => {
  house = await openTestArtifacts({ limits });
  other = house.with({ limits });
});
afterAll(() => house?.[Symbol.asyncDispose]());

const bytes = Buffer.alloc(100_000);
const fileCount = async () => (await collect(house.storage.list())).length;

/** Whether each was refused for the quota; anything else that goes wrong is thrown. */
async function outcomes(saving: readonly Promise<unknown>[]): Promise<('kept' | 'refused')[]> {
  return Promise.all(
    saving.map((save) =>
      save.then(
        () => 'kept' as const,
        (error: unknown) => {
          if (error instanceof QuotaExceededError) return 'refused' as const;
          throw error;
        },
      ),
    ),
  );
}

test('however many files come at once, and wherever, just as many are kept as have a place', async () => {
  const users = await Promise.all([1, 2, 3].map(() => createUser(house.database)));
  const before = await fileCount();
  const saving = users.flatMap((userId) =>
    Array.from({ length: 8 }, (_, n) => [
      (n % 2 ? house.artifacts : other).save({ userId, bytes }),
      other.createUpload(userId, { mimeType: 'image/png', sizeBytes: bytes.length, sha256: null }),
    ]).flat(),
  );
  const kept = (await outcomes(saving)).filter((outcome) => outcome === 'kept');
  expect(kept).toHaveLength(30);
  const stored = await house.database.prisma.userStorage.findMany({ where: { userId: { in: users } } });
  expect(stored.map((row) => row.bytes)).toEqual([1_000_000n, 1_000_000n, 1_000_000n]);
  // Nothing is left of what was refused.
  const rows = await house.database.prisma.artifact.count({ where: { userId: { in: users } } });
  expect((await fileCount()) - before).toBe(rows);
  await expectInvariants(house.database);
});

test('what a node made is kept in any case, and counts', async () => {
  const userId = await createUser(house.database);
  await house.artifacts.save({ userId, bytes: Buffer.alloc(950_000) });
  await expect(house.artifacts.save({ userId, bytes })).rejects.toEqual(EXCEEDED);
  const result = await house.artifacts.save({ userId, bytes, overQuota: true });
  await expect(house.artifacts.save({ userId, bytes: Buffer.alloc(1) })).rejects.toMatchObject({
    message: expect.stringContaining('and 1.05 MB are'),
  });
  await house.artifacts.remove([result.id]);
  await house.artifacts.save({ userId, bytes: Buffer.alloc(50_000) });
  await expectInvariants(house.database);
});

test('the limit is that of the user’s tier at the moment', async () => {
  const userId = await createUser(house.database);
  const half = { userId, bytes: Buffer.alloc(900_000) };
  const tier = (to: 'PRO' | 'VIP') =>
    house.database.prisma.user.update({ where: { id: userId }, data: { tier: to } });
  await house.artifacts.save(half);
  await expect(house.artifacts.save(half)).rejects.toMatchObject({ limit: 1 });
  await tier('PRO');
  await house.artifacts.save(half);
  await expect(house.artifacts.save(half)).rejects.toMatchObject({ limit: 2 });
  await tier('VIP');
  await house.artifacts.save(half);
});
