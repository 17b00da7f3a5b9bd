import { expect, test } from 'vitest';
import { countQueries, NEVER_MS, next, openCarrier, openStage, readUntil, take } from './support.ts';

const everything = { userId: null, matches: () => true };

test('a subscriber hears of what matches and is its own, and of nothing else', async () => {
  await using stage = await openStage(NEVER_MS);
  const { tasks, feed, carrier, database } = stage;
  const stranger = await tasks.addUser();
  const [mine, another, theirs] = [await tasks.add(), await tasks.add(), await tasks.add(stranger)];
  const stream = feed.tasks({ userId: tasks.userId, matches: (row) => row.status === 'RUNNING' });
  const reads = await countQueries(database, /"task"/, async () => {
    await tasks.change(theirs, 'STARTED', 'RUNNING');
    carrier.announce({ type: 'task', id: theirs, userId: stranger });
    await database.prisma.$queryRaw`SELECT 1`;
  });
  expect(reads).toBe(0);
  await tasks.change(another, 'CANCELED', 'CANCELED');
  carrier.announce({ type: 'task', id: another, userId: tasks.userId });
  await tasks.change(mine, 'STARTED', 'RUNNING');
  carrier.announce({ type: 'task', id: mine, userId: tasks.userId });
  expect(await next(stream)).toMatchObject({ id: mine, version: 2, status: 'RUNNING' });
});

test('with a time, what was updated since comes first, the oldest update first, then what changes', async () => {
  await using stage = await openStage(NEVER_MS);
  const { tasks, feed, carrier, database } = stage;
  const ids = await tasks.addMany(120);
  // Some share one time.
  const start = database.clock.now();
  await database.pool.query(
    `UPDATE task SET updated_at = $2::timestamptz + (n - 1) / 7 * interval '10 ms'
     FROM unnest($1::uuid[]) WITH ORDINALITY AS one (id, n) WHERE task.id = one.id`,
    [ids, start],
  );
  const stream = feed.tasks({ ...everything, since: new Date(start.getTime() + 20) });
  expect((await take(stream, 106)).map(({ id }) => id)).toEqual(ids.slice(14));
  const [first] = ids;
  const changed = next(stream);
  await tasks.change(first ?? '', 'STARTED', 'RUNNING');
  carrier.announce({ type: 'task', id: first ?? '', userId: tasks.userId });
  expect(await changed).toMatchObject({ id: first, version: 2 });
});

test('a subscriber that reads slowly gets the latest state of every task, not each one in between', async () => {
  await using stage = await openStage();
  const { tasks, feed, carrier } = stage;
  const ids = await tasks.addMany(10);
  const [slow, brisk] = [feed.tasks(everything), feed.tasks(everything)];
  for (let round = 0; round < 5; round++) {
    for (const id of ids) {
      await tasks.change(id, 'RETRYING', 'QUEUED');
      carrier.announce({ type: 'task', id, userId: tasks.userId });
    }
    await readUntil(
      brisk,
      (rows) => rows.size === ids.length && [...rows.values()].every((v) => v === round + 2),
    );
  }
  const rows = await take(slow, ids.length);
  expect(rows.map(({ version }) => version)).toEqual(ids.map(() => 6));
  expect(new Set(rows.map(({ id }) => id)).size).toBe(ids.length);
});

test('a subscriber left far behind reads what it missed from the table, and misses nothing', async () => {
  await using stage = await openStage();
  const { tasks, feed, carrier } = stage;
  const ids = await tasks.addMany(600);
  const [slow, brisk] = [feed.tasks(everything), feed.tasks(everything)];
  for (let n = 0; n < ids.length; n += 20) {
    const some = ids.slice(n, n + 20);
    await tasks.change(some, 'STARTED', 'RUNNING');
    for (const id of some) carrier.announce({ type: 'task', id, userId: tasks.userId });
  }
  const all = (rows: ReadonlyMap<string, number>) =>
    rows.size === ids.length && [...rows.values()].every((v) => v === 2);
  await readUntil(brisk, all);
  await readUntil(slow, all);
  // Up to date again, it hears of changes as before.
  const [first = ''] = ids;
  const changed = readUntil(slow, (rows) => rows.get(first) === 3);
  await tasks.change(first, 'SUCCEEDED', 'SUCCEEDED');
  carrier.announce({ type: 'task', id: first, userId: tasks.userId });
  await changed;
});

test('a burst that another process tells of only as "many" reaches subscribers all the same', async () => {
  await using stage = await openStage(NEVER_MS);
  const { tasks, feed, database } = stage;
  await using elsewhere = await openCarrier(database.url);
  const ids = await tasks.addMany(300);
  const stream = feed.tasks({ userId: tasks.userId, matches: () => true });
  await tasks.change(ids, 'STARTED', 'RUNNING');
  for (const id of ids) elsewhere.announce({ type: 'task', id, userId: tasks.userId });
  await readUntil(stream, (rows) => ids.every((id) => rows.get(id) === 2));
});
