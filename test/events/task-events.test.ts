import { expect, test } from 'vitest';
import { readEvents } from '../../src/events/index.ts';
import { next, openStage, take } from './support.ts';

test('events after a version come in order, and the stream ends after a final one', async () => {
  await using stage = await openStage();
  const { tasks, feed } = stage;
  const id = await tasks.add();
  await tasks.change(id, 'STARTED', 'RUNNING');
  await tasks.change(id, 'SUCCEEDED', 'SUCCEEDED');
  for (const after of [0, 1, 2]) {
    const stream = feed.taskEvents(id, after);
    const events = await take(stream, 3 - after);
    expect(events.map(({ version }) => version)).toEqual([1, 2, 3].slice(after));
    expect((await stream.next()).done).toBe(true);
  }
  expect((await feed.taskEvents(id, 3).next()).done).toBe(true);
});

test('a final event that was retried does not end the stream', async () => {
  await using stage = await openStage();
  const { tasks, feed, carrier } = stage;
  const id = await tasks.add();
  await tasks.change(id, 'FAILED', 'FAILED');
  await tasks.change(id, 'RETRIED', 'QUEUED');
  const stream = feed.taskEvents(id, 0);
  expect((await take(stream, 3)).map(({ type }) => type)).toEqual(['SUBMITTED', 'FAILED', 'RETRIED']);
  const last = next(stream);
  await tasks.change(id, 'CANCELED', 'CANCELED');
  carrier.announce({ type: 'task', id, userId: tasks.userId });
  expect(await last).toMatchObject({ version: 4, type: 'CANCELED' });
  expect((await stream.next()).done).toBe(true);
});

test('a version beyond the end waits for what comes after it', async () => {
  await using stage = await openStage();
  const { tasks, feed, carrier } = stage;
  const id = await tasks.add();
  await tasks.change(id, 'FAILED', 'FAILED');
  const stream = feed.taskEvents(id, 3);
  const event = next(stream);
  for (const [type, status] of [
    ['RETRIED', 'QUEUED'],
    ['STARTED', 'RUNNING'],
  ] as const) {
    await tasks.change(id, type, status);
    carrier.announce({ type: 'task', id, userId: tasks.userId });
  }
  expect(await event).toMatchObject({ version: 4, type: 'STARTED' });
  await stream.return?.();
});

test('a version below what is kept is refused', async () => {
  await using stage = await openStage();
  const { tasks, feed, database } = stage;
  const id = await tasks.add();
  for (let n = 0; n < 3; n++) await tasks.change(id, 'RETRYING', 'QUEUED');
  await database.pool.query('DELETE FROM task_event WHERE task_id = $1 AND version < 3', [id]);
  await expect(feed.taskEvents(id, 0).next()).rejects.toMatchObject({ code: 'EVENTS_EXPIRED' });
  expect(await next(feed.taskEvents(id, 2))).toMatchObject({ version: 3 });
  await database.pool.query('DELETE FROM task_event WHERE task_id = $1', [id]);
  await expect(feed.taskEvents(id, 2).next()).rejects.toMatchObject({ code: 'EVENTS_EXPIRED' });
});

test('reconnecting anywhere under concurrent writers misses no event and repeats none', async () => {
  await using stage = await openStage();
  const { tasks, feed, carrier, database } = stage;
  const ids = await tasks.addMany(4);
  const LAST = 122;
  async function write(id: string, count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      await tasks.change(id, 'RETRYING', 'QUEUED');
      // Some announcements are lost.
      if (n % 3 > 0) carrier.announce({ type: 'task', id, userId: tasks.userId });
    }
  }
  const written = Promise.all(
    ids.map(async (id) => {
      await Promise.all([write(id, 40), write(id, 40), write(id, 40)]);
      await tasks.change(id, 'SUCCEEDED', 'SUCCEEDED');
      carrier.announce({ type: 'task', id, userId: tasks.userId });
    }),
  );

  /** Reads a few events, hangs up, and comes back with the last version it saw. */
  async function follow(id: string, patience: number): Promise<number[]> {
    const seen: number[] = [];
    while (seen.at(-1) !== LAST) {
      const stream = feed.taskEvents(id, seen.at(-1) ?? 0);
      let left = patience;
      for await (const { version } of stream) {
        seen.push(version);
        if (--left === 0) break;
      }
    }
    return seen;
  }
  const followed = await Promise.all(
    ids.flatMap((id) => [3, 17, 1_000].map((patience) => follow(id, patience))),
  );
  await written;
  const expected = Array.from({ length: LAST }, (_, n) => n + 1);
  for (const seen of followed) expect(seen).toEqual(expected);
  expect((await readEvents(database, ids[0] ?? '', { after: 100, first: 5 })).map((e) => e.version)).toEqual([
    101, 102, 103, 104, 105,
  ]);
});
