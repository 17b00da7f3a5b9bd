import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../../sdk/src/index.ts';
import { createSimulator, type Simulator } from '../../simulator/index.ts';
import { decodeId } from '../../src/ids.ts';
import { pixel } from '../http/work.ts';
import { adminKey, startTestApp, type TestApp } from '../support/app.ts';

vi.setConfig({ testTimeout: 60_000 });

let painter: Simulator;
let app: TestApp;
let client: Client;

beforeAll(async () => {
  painter = await createSimulator({ protocol: 'A1111', latencyMs: 20 });
  const offers = [{ kind: 'IMAGE_TO_IMAGE', models: ['painter'] }];
  const entry = { name: 'painter', url: painter.url, protocol: 'A1111', offers };
  app = await startTestApp({ GPU_NODES: JSON.stringify([entry]) });
  client = createClient({ url: app.url, token: adminKey });
});

afterAll(async () => {
  client.close();
  await app[Symbol.asyncDispose]();
  await painter[Symbol.asyncDispose]();
});

test('a schedule runs the file that came with it, again and again, once each time, on whatever process leads', async () => {
  const other = await app.sibling();
  const image = { upload: new File([pixel], 'dot.png', { type: 'image/png' }) };
  const made = await client.createSchedule({
    name: 'night picture',
    cron: '0 0 1 1 *',
    timeZone: 'Europe/Berlin',
    task: { task: { imageToImage: { image, prompt: 'at night' } } },
  });
  expect(made).toMatchObject({ kind: 'IMAGE_TO_IMAGE', paused: false, input: { prompt: 'at night' } });
  const { pool } = app.services.database;
  const runs = async () => (await client.schedules())[0]?.runs ?? [];
  for (const round of [1, 2]) {
    const due = 'UPDATE schedule SET next_at = date_trunc($2, now()) WHERE id = $1';
    await pool.query(due, [decodeId('Schedule', made.id), round === 1 ? 'second' : 'milliseconds']);
    await vi.waitFor(async () => expect((await runs()).filter(({ task }) => task)).toHaveLength(round), {
      timeout: 30_000,
    });
    const [{ task } = { task: null }] = await runs();
    for await (const { status } of client.watch(task?.id ?? '')) if (status === 'SUCCEEDED') break;
    expect(await client.task(task?.id ?? '')).toMatchObject({ status: 'SUCCEEDED', input: made.input });
    // The first process is gone the second time.
    if (round === 1) await other.close();
  }
  expect(await app.services.database.prisma.task.count()).toBe(2);
  expect(await client.pauseSchedule(made.id, true)).toMatchObject({ paused: true, nextRuns: [] });
  await client.deleteSchedule(made.id);
  expect(await client.schedules()).toEqual([]);
});

test('a task with a start time waits for it, and runs then', async () => {
  const image = { upload: new File([pixel], 'dot.png', { type: 'image/png' }) };
  const startAt = new Date(Date.now() + 3_600_000).toISOString();
  const task = await client.submit({ task: { imageToImage: { image, prompt: 'later' } }, startAt });
  expect(task).toMatchObject({ status: 'SCHEDULED', startAt, queuedMs: null, waitingReason: 'SCHEDULED' });
  const soon = "UPDATE task SET start_at = now() + interval '300 ms' WHERE id = $1 RETURNING start_at";
  const { rows } = await app.services.database.pool.query(soon, [decodeId('Task', task.id)]);
  const events: string[] = [];
  for await (const { type, at } of client.events(task.id)) {
    events.push(type);
    if (type !== 'SUBMITTED') expect(Date.parse(at)).toBeGreaterThanOrEqual(rows[0].start_at.getTime());
  }
  expect(events).toEqual(['SUBMITTED', 'RELEASED', 'STARTED', 'SUCCEEDED']);
});
