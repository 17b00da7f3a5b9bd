import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createArtifacts, createLocalStorage } from '../../src/artifacts/index.ts';
import { createUrlGuard } from '../../src/urls/index.ts';
import { createPreviews } from '../../src/worker/previews.ts';
import { pixel } from '../http/work.ts';
import { testLog } from '../support/log.ts';
import { claimOne, finish, openYard, submission, success } from '../support/yard.ts';

/** A running attempt, and a store that begins to write only when it is let go on. */
async function openSlowStore() {
  await using opening = new AsyncDisposableStack();
  const yard = opening.use(await openYard());
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-previews-'));
  opening.defer(() => rm(folder, { recursive: true }));
  const storage = createLocalStorage(folder);
  const waiting: (() => void)[] = [];
  const guard = createUrlGuard({ allowHosts: [] });
  opening.defer(guard.close);
  const artifacts = createArtifacts({
    guard,
    database: yard.database,
    storage: {
      ...storage,
      async put(source) {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return storage.put(source);
      },
    },
    signingKey: new Uint8Array(32),
    publicUrl: 'http://127.0.0.1',
    maxBytes: 10_000_000,
    log: testLog,
  });
  await yard.addNode();
  const { taskId } = await yard.tasks.submit(submission(await yard.addUser()), 'VIP');
  const claimed = await claimOne(yard);
  const previews = createPreviews({ tasks: yard.tasks, artifacts, log: testLog });
  return Object.assign(opening.move(), {
    ...{ yard, previews, claimed, waiting },
    attempt: previews.of(claimed),
    shown: async () => (await yard.tasks.previews([taskId])).get(taskId)?.sizeBytes ?? null,
    stored: async () => (await yard.database.prisma.artifact.findMany()).map(({ sizeBytes }) => sizeBytes),
    files: async () => (await Array.fromAsync(storage.list())).length,
  });
}

/** Pictures that are told apart by their sizes. */
const picture = (bytes: number) => ({
  bytes: Buffer.concat([pixel, Buffer.alloc(bytes - pixel.length)]),
  mimeType: 'image/png',
});

test('of previews that come faster than they are stored the latest is shown, and none outlives the attempt', async () => {
  await using slow = await openSlowStore();
  const { yard, attempt, claimed, waiting, shown } = slow;
  for (const bytes of [101, 102, 103]) attempt.show(picture(bytes));
  await expect.poll(() => waiting.length).toBe(1);
  waiting.shift()?.();
  await expect.poll(shown).toBe(101);
  await expect.poll(() => waiting.length).toBe(1);
  waiting.shift()?.();
  await expect.poll(shown).toBe(103);
  const before = await yard.task(claimed.lease.taskId);
  expect(before).toMatchObject({ version: 2, progress: null });

  attempt.show(picture(104));
  await expect.poll(() => waiting.length).toBe(1);
  await finish(yard.tasks, success(claimed));
  expect(await shown()).toBeNull();
  attempt.end();
  waiting.shift()?.();
  await slow.previews.idle(15_000);
  expect([await shown(), await slow.stored(), await slow.files()]).toEqual([null, [], 0]);
  attempt.show(picture(105));
  expect(waiting).toHaveLength(0);
});

test('what is too large is no preview', async () => {
  await using slow = await openSlowStore();
  slow.attempt.show(picture(2 * 1024 * 1024 + 1));
  slow.attempt.show(picture(2 * 1024 * 1024));
  await expect.poll(() => slow.waiting.length).toBe(1);
  slow.waiting.shift()?.();
  await expect.poll(slow.shown).toBe(2 * 1024 * 1024);
  slow.attempt.end();
  await slow.previews.idle(15_000);
  expect(await slow.stored()).toEqual([]);
});

test('what cannot be shown any more is removed at once', async () => {
  await using slow = await openSlowStore();
  await finish(slow.yard.tasks, success(slow.claimed));
  slow.attempt.show(picture(100));
  await expect.poll(() => slow.waiting.length).toBe(1);
  slow.waiting.shift()?.();
  await slow.previews.idle(15_000);
  expect([await slow.stored(), await slow.files()]).toEqual([[], 0]);
});
