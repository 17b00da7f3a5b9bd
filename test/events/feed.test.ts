import { expect, test } from 'vitest';
import { createFeed } from '../../src/events/index.ts';
import { newId } from '../../src/ids.ts';
import { testLog } from '../support/log.ts';
import { countQueries, NEVER_MS, next, openCarrier, openStage, readUntil, take } from './support.ts';

const state = ({ version, status }: { version: number; status: string }) => `${version} ${status}`;

test('a task is told as it is, after each change, and no more after its final state', async () => {
  await using stage = await openStage();
  const { tasks, carrier, feed } = stage;
  const id = await tasks.add();
  const stream = feed.task(id);
  const first = await next(stream);
  expect(first).toMatchObject({ id, version: 1, status: 'QUEUED', data: { input: { prompt: 'a cat' } } });

  await tasks.change(id, 'STARTED', 'RUNNING');
  carrier.announce({ type: 'task', id, userId: tasks.userId });
  expect(state(await next(stream))).toBe('2 RUNNING');

  // Nothing new: nothing is told.
  carrier.announce({ type: 'task', id, userId: tasks.userId });
  await tasks.progress(id, 0.5);
  carrier.announce({ type: 'task', id, userId: tasks.userId });
  expect(await next(stream)).toMatchObject({ version: 2, progress: 0.5 });

  await tasks.change(id, 'SUCCEEDED', 'SUCCEEDED');
  carrier.announce({ type: 'task', id, userId: tasks.userId });
  expect(state(await next(stream))).toBe('3 SUCCEEDED');
  expect((await stream.next()).done).toBe(true);
  expect((await take(feed.task(id), 1)).map(state)).toEqual(['3 SUCCEEDED']);
});

test('a change by another process is told when it is announced', async () => {
  await using stage = await openStage(NEVER_MS);
  const { tasks, feed, database } = stage;
  await using elsewhere = await openCarrier(database.url);
  const id = await tasks.add();
  const stream = feed.task(id);
  await next(stream);
  const changed = next(stream);
  await tasks.change(id, 'CANCELED', 'CANCELED');
  elsewhere.announce({ type: 'task', id, userId: tasks.userId });
  expect(state(await changed)).toBe('2 CANCELED');
});

test('a change that nobody announced is found within seconds', async () => {
  await using stage = await openStage();
  const { tasks, feed } = stage;
  const [id, other] = [await tasks.add(), await tasks.add()];
  const one = feed.task(id);
  const all = feed.tasks({ userId: tasks.userId, matches: () => true });
  const events = feed.taskEvents(other, 1);
  await next(one);
  const both = readUntil(all, (rows) => rows.get(id) === 2 && rows.get(other) === 2);
  const found = Promise.all([next(one), next(events), both]);
  await tasks.change(id, 'STARTED', 'RUNNING');
  await tasks.change(other, 'STARTED', 'RUNNING');
  const [task, event] = await found;
  expect([state(task), state(event)]).toEqual(['2 RUNNING', '2 RUNNING']);
});

test('a changed task is read once for five hundred subscribers', async () => {
  await using stage = await openStage(NEVER_MS);
  const { tasks, carrier, feed, database } = stage;
  const id = await tasks.add();
  const streams = Array.from({ length: 250 }, () => feed.task(id));
  const logs = Array.from({ length: 250 }, () => feed.taskEvents(id, 1));
  const first = await countQueries(database, /"task"/, async () => {
    await Promise.all(streams.map(next));
  });
  expect(first).toBe(1);

  await tasks.change(id, 'STARTED', 'RUNNING');
  const changed = Promise.all([...streams.map(next), ...logs.map(next)]);
  const reads = await countQueries(database, /"(task|task_data|task_event)"/, async () => {
    carrier.announce({ type: 'task', id, userId: tasks.userId });
    expect(new Set((await changed).map(state))).toEqual(new Set(['2 RUNNING']));
  });
  // The task, its data, and one page of its events.
  expect(reads).toBe(3);
});

test('tasks that change together are read together', async () => {
  await using stage = await openStage(NEVER_MS);
  const { tasks, carrier, feed, database } = stage;
  const ids = await tasks.addMany(40);
  const streams = ids.map((id) => feed.task(id));
  await Promise.all(streams.map(next));
  await tasks.change(ids, 'STARTED', 'RUNNING');
  const changed = Promise.all(streams.map(next));
  const reads = await countQueries(database, /"task"/, async () => {
    for (const id of ids) carrier.announce({ type: 'task', id, userId: tasks.userId });
    await changed;
  });
  expect(reads).toBe(1);
});

test('a stream of a task ends when the task is deleted or does not exist', async () => {
  await using stage = await openStage();
  const { tasks, carrier, feed } = stage;
  const id = await tasks.add();
  const streams = [feed.task(id), feed.taskEvents(id, 0)];
  await Promise.all(streams.map((stream) => next<unknown>(stream)));
  const ends = Promise.all(streams.map((stream) => stream.next()));
  await tasks.remove(id);
  carrier.announce({ type: 'task', id, userId: tasks.userId });
  expect((await ends).map(({ done }) => done)).toEqual([true, true]);
  expect((await feed.task(newId()).next()).done).toBe(true);
  expect((await feed.taskEvents(newId(), 0).next()).done).toBe(true);
});

test('killed connections make a subscriber miss nothing', async () => {
  await using stage = await openStage();
  const { tasks, feed, database } = stage;
  await using elsewhere = await openCarrier(database.url);
  const id = await tasks.add();
  const [stream, events] = [feed.task(id), feed.taskEvents(id, 0)];
  await Promise.all([next(stream), next(events)]);
  const told = Promise.all([next(stream), take(events, 2)]);
  await database.pool.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'switchyard-listen'",
  );
  await tasks.change(id, 'STARTED', 'RUNNING');
  await tasks.change(id, 'SUCCEEDED', 'SUCCEEDED');
  elsewhere.announce({ type: 'task', id, userId: tasks.userId });
  const [task, log] = await told;
  expect(log.map(state)).toEqual(['2 RUNNING', '3 SUCCEEDED']);
  expect(task.version).toBeGreaterThan(1);
});

test('streams live through the loss of every connection', async () => {
  await using stage = await openStage();
  const { tasks, feed, database } = stage;
  const id = await tasks.add();
  const [stream, events, all] = [
    feed.task(id),
    feed.taskEvents(id, 1),
    feed.tasks({ userId: null, matches: () => true }),
  ];
  await next(stream);
  // Whoever watches many is told anew, after a loss, of what had changed shortly before he came.
  const changed = async () => {
    for (;;) {
      const task = await next(all);
      if (task.version > 1) return task;
    }
  };
  const told = Promise.all([next(stream), next(events), changed()]);
  await database.pool.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  await expect
    .poll(() =>
      tasks.change(id, 'STARTED', 'RUNNING').then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  expect((await told).map(state)).toEqual(['2 RUNNING', '2 RUNNING', '2 RUNNING']);
});

test('a consumer that returns or aborts while it waits is let go at once, and nothing of it is left', async () => {
  await using stage = await openStage();
  const { tasks, feed, carrier, database } = stage;
  const id = await tasks.add();
  await database.prisma.gpuNode.create({
    data: { id: newId(), name: 'one', url: 'http://x', protocol: 'openai', slotCount: 1, offers: [] },
  });
  const abort = new AbortController();
  const open = () => [
    feed.task(id, { signal: abort.signal }),
    feed.taskEvents(id, 1, { signal: abort.signal }),
    feed.tasks({ userId: null, matches: () => true }, { signal: abort.signal }),
    feed.nodes({ signal: abort.signal }),
  ];
  const [returned, aborted] = [open(), open()];
  // What is read at first has been read.
  const readers = [returned[0], returned[3], aborted[0], aborted[3]];
  await Promise.all(readers.map((stream) => stream?.next()));
  const waiting = [...returned, ...aborted].map((stream) => stream.next());
  await Promise.all(returned.map((stream) => stream.return?.()));
  abort.abort();
  expect((await Promise.all(waiting)).every(({ done }) => done)).toBe(true);
  expect((await feed.task(id, { signal: abort.signal }).next()).done).toBe(true);
  // Nobody watches any more: a change is not even read.
  const reads = await countQueries(database, /task|gpu_node/, async () => {
    await tasks.change(id, 'STARTED', 'RUNNING');
    carrier.announce({ type: 'task', id, userId: tasks.userId });
    carrier.announce({ type: 'node', id });
    await database.prisma.$queryRaw`SELECT 1`;
  });
  expect(reads).toBe(0);
});

test('closing the feed ends every stream', async () => {
  await using stage = await openStage();
  const feed = createFeed({ database: stage.database, carrier: stage.carrier, log: testLog });
  const id = await stage.tasks.add();
  const streams = [feed.task(id), feed.taskEvents(id, 1), feed.tasks({ userId: null, matches: () => true })];
  await streams[0]?.next();
  const waiting = Promise.all(streams.map((stream) => stream.next()));
  await feed.close();
  expect((await waiting).every(({ done }) => done)).toBe(true);
});

test('nodes are told as they are, then after each change, announced or not', async () => {
  await using stage = await openStage(100);
  const { feed, carrier, database } = stage;
  const node = (name: string) => ({
    id: newId(),
    name,
    url: 'http://x',
    protocol: 'openai',
    slotCount: 1,
    offers: [],
  });
  const [one, two] = [node('one'), node('two')];
  await database.prisma.gpuNode.createMany({ data: [one, two] });
  const stream = feed.nodes();
  expect((await take(stream, 2)).map(({ name }) => name)).toEqual(['one', 'two']);
  await database.prisma.gpuNode.update({ where: { id: one.id }, data: { healthy: true } });
  carrier.announce({ type: 'node', id: one.id });
  expect(await next(stream)).toMatchObject({ name: 'one', healthy: true });
  await database.prisma.gpuNode.update({ where: { id: two.id }, data: { state: 'REMOVED' } });
  let told = await next(stream);
  // What was found and announced as well is told twice.
  while (told.name === 'one') told = await next(stream);
  expect(told).toMatchObject({ name: 'two', state: 'REMOVED' });
  expect((await take(feed.nodes(), 1)).map(({ name }) => name)).toEqual(['one']);
});

test('a node is told of again when more of its slots are busy, or fewer', async () => {
  await using stage = await openStage(100);
  const { tasks, feed, database } = stage;
  const node = { id: newId(), name: 'one', url: 'http://127.0.0.1:9', protocol: 'OPENAI', offers: [] };
  await database.prisma.gpuNode.create({
    data: { ...node, slotCount: 1, slots: { create: { slotNo: 1 } } },
  });
  const stream = feed.nodes();
  await next(stream);
  await database.prisma.slot.updateMany({ data: { taskId: await tasks.add() } });
  expect(await next(stream)).toMatchObject({ id: node.id });
  await stream.return?.();
});
