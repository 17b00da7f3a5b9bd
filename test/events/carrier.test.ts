import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Announcement, Resync } from '../../src/events/index.ts';
import { decodeMessage, encodeMessage, MAX_PAYLOAD_BYTES } from '../../src/events/wire.ts';
import { newId } from '../../src/ids.ts';
import { createTestDatabase, openTestDatabase } from '../support/database.ts';
import { openCarrier } from './support.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());

type Heard = Announcement | Resync;

const everyKind: Announcement[] = [
  { type: 'task', id: newId(), userId: newId() },
  { type: 'queue', id: newId() },
  { type: 'slots' },
  { type: 'node', id: newId() },
  { type: 'cancel', taskId: newId(), attempt: 3, workerId: newId() },
  { type: 'account', userId: newId() },
];

test('every kind of announcement reaches this process at once and another one soon', async () => {
  await using here = await openCarrier(database.url);
  await using there = await openCarrier(database.url);
  const [heardHere, heardThere]: [Heard[], Heard[]] = [[], []];
  here.listen((heard) => heardHere.push(heard));
  there.listen((heard) => heardThere.push(heard));
  for (const announcement of everyKind) here.announce(announcement);
  expect(heardHere).toEqual(everyKind);
  await expect.poll(() => heardThere).toEqual(everyKind);
  there.announce({ type: 'slots' });
  await expect.poll(() => heardHere.length).toBe(everyKind.length + 1);
  expect(heardHere.slice(0, -1)).toEqual(everyKind);
});

test('the same announcement many times in a moment is sent once', async () => {
  await using here = await openCarrier(database.url);
  await using there = await openCarrier(database.url);
  const heard: Heard[] = [];
  there.listen((announcement) => heard.push(announcement));
  for (let n = 0; n < 1_000; n++) here.announce({ type: 'queue', id: 'q' });
  here.announce({ type: 'slots' });
  await expect.poll(() => heard.at(-1)).toEqual({ type: 'slots' });
  expect(heard).toEqual([{ type: 'queue', id: 'q' }, { type: 'slots' }]);
});

test('what is announced for later is told then, and the same of one moment about once', async () => {
  await using here = await openCarrier(database.url);
  await using there = await openCarrier(database.url);
  const [heardHere, heardThere]: [Heard[], Heard[]] = [[], []];
  here.listen((heard) => heardHere.push(heard));
  there.listen((heard) => heardThere.push(heard));
  here.announce({ type: 'slots' }, 200);
  for (let n = 0; n < 1_000; n++) here.announce({ type: 'queue', id: 'q' }, 50);
  expect(heardHere).toEqual([]);
  here.announce({ type: 'queue', id: 'now' });
  await expect.poll(() => heardThere.at(-1)).toEqual({ type: 'slots' });
  expect(heardHere.at(-1)).toEqual({ type: 'slots' });
  const of = (id: string) => heardHere.filter((heard) => heard.type === 'queue' && heard.id === id).length;
  expect(heardHere[0]).toEqual({ type: 'queue', id: 'now' });
  expect(of('q')).toBeGreaterThan(0);
  expect(of('q')).toBeLessThan(100);
});

test('a burst that does not fit into a message tells others to read everything again', async () => {
  await using here = await openCarrier(database.url);
  await using there = await openCarrier(database.url);
  const heard: Heard[] = [];
  there.listen((announcement) => heard.push(announcement));
  for (let n = 0; n < 2_000; n++) here.announce({ type: 'task', id: newId(), userId: newId() });
  await expect.poll(() => heard).toEqual([{ type: 'resync' }]);
  here.announce({ type: 'slots' });
  await expect.poll(() => heard).toEqual([{ type: 'resync' }, { type: 'slots' }]);
});

test('a payload never exceeds its bound, and says "many" instead', () => {
  for (const count of [1, 50, 90, 100, 400]) {
    const announcements = Array.from({ length: count }, () => everyKind[0] as Announcement);
    const payload = encodeMessage({ origin: 'me', announcements });
    expect(payload.length).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
    expect(decodeMessage(payload)).toEqual({
      origin: 'me',
      announcements: count <= 90 ? announcements : 'many',
    });
  }
  for (const foreign of ['', '{}', 'null', '["me",["task",1,2]]', '["me",["unheard-of"]]']) {
    expect(decodeMessage(foreign).announcements, foreign).toBe('many');
  }
});

test('lost connections come back, say so, and lose nothing without saying so', async () => {
  await using here = await openCarrier(database.url);
  await using there = await openCarrier(database.url);
  const heard: Heard[] = [];
  there.listen((announcement) => heard.push(announcement));
  here.announce({ type: 'slots' });
  await expect.poll(() => heard.length).toBe(1);

  await database.pool.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN ('switchyard-listen', 'switchyard-notify') AND datname = current_database()",
  );
  await expect.poll(() => heard.at(-1)).toEqual({ type: 'resync' });
  heard.length = 0;
  here.announce({ type: 'node', id: 'n' });
  // Lost on the old connection, it is made good by one more resync.
  await expect.poll(() => heard.some(({ type }) => type === 'node' || type === 'resync')).toBe(true);
});

test('closing sends what was announced just before', async () => {
  await using there = await openCarrier(database.url);
  const heard: Heard[] = [];
  there.listen((announcement) => heard.push(announcement));
  const here = await openCarrier(database.url);
  here.announce({ type: 'queue', id: 'first' });
  await expect.poll(() => heard.length).toBe(1);
  here.announce({ type: 'queue', id: 'second' });
  here.announce({ type: 'queue', id: 'third' });
  await here.close();
  here.announce({ type: 'queue', id: 'too late' });
  await expect.poll(() => heard.length).toBe(3);
  const { rows } = await database.pool.query(
    "SELECT 1 FROM pg_stat_activity WHERE application_name = 'switchyard-notify' AND datname = current_database()",
  );
  expect(rows).toEqual([]);
});

test('closing does not wait for a database that is gone', async () => {
  const { url, drop } = await createTestDatabase();
  const carrier = await openCarrier(url);
  await drop();
  carrier.announce({ type: 'slots' });
  // It tries for two seconds; waiting for the database would never end.
  const started = performance.now();
  await carrier.close();
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('a listener that throws hurts nobody else', async () => {
  await using carrier = await openCarrier(database.url);
  const heard: Heard[] = [];
  carrier.listen(() => {
    throw new Error('mine alone');
  });
  const stop = carrier.listen((announcement) => heard.push(announcement));
  carrier.announce({ type: 'slots' });
  stop();
  carrier.announce({ type: 'slots' });
  expect(heard).toEqual([{ type: 'slots' }]);
});

test('at most one notification is sent in five milliseconds', async () => {
  await using carrier = await openCarrier(database.url);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  let messages = 0;
  client.on('notification', () => messages++);
  await client.query('LISTEN switchyard');
  const started = performance.now();
  for (let n = 0; performance.now() - started < 300 || messages <= 3; n++) {
    carrier.announce({ type: 'queue', id: `q${n % 20}` });
    await new Promise((resolve) => setImmediate(resolve));
  }
  const elapsed = performance.now() - started;
  await carrier.close();
  await client.query('SELECT 1');
  await client.end();
  expect(messages).toBeGreaterThan(3);
  expect(messages).toBeLessThanOrEqual(elapsed / 5 + 2);
});
