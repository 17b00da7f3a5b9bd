import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { AlreadyExistsError, InvalidInputError, NotFoundError } from '../../src/errors.ts';
import { type NodeInput, type Nodes, statusOf } from '../../src/nodes/index.ts';
import { openNodes, painter } from './support.ts';

const pool = (under: Awaited<ReturnType<typeof openNodes>>) => under.database.pool;
const byQuery = (under: Awaited<ReturnType<typeof openNodes>>) => ({
  query: async (text: string, values: readonly unknown[] = []) =>
    (await pool(under).query(text, [...values])).rows,
});

async function views(under: Awaited<ReturnType<typeof openNodes>>) {
  await pool(under).query('UPDATE gpu_node SET healthy = true');
  return under.nodes.views(byQuery(under) as Parameters<Nodes['views']>[0]);
}

/** For how many seconds the slots of those numbers are held still, or should have ended. */
async function secondsOf(under: Awaited<ReturnType<typeof openNodes>>, slots: readonly number[]) {
  const { rows } = await pool(under).query(
    `SELECT abs(extract(epoch FROM held_until - clock_timestamp()))::float8 AS seconds
     FROM slot WHERE slot_no = ANY ($1) ORDER BY 1`,
    [slots],
  );
  return rows.map(({ seconds }) => Number(seconds));
}

/** The seconds that the view tells for those slots are those between before and after it was read. */
async function expectBusy(under: Awaited<ReturnType<typeof openNodes>>, slots: readonly number[]) {
  const before = await secondsOf(under, slots);
  const [view] = await views(under);
  const after = await secondsOf(under, slots);
  const told = view?.busyForSeconds.toSorted((a, b) => a - b) ?? [];
  expect(told).toHaveLength(slots.length);
  for (const [n, seconds] of told.entries()) {
    const bounds = [before[n] ?? 0, after[n] ?? 0];
    expect(seconds).toBeGreaterThanOrEqual(Math.min(...bounds));
    expect(seconds).toBeLessThanOrEqual(Math.max(...bounds));
  }
}

async function issuesOf(work: Promise<unknown>): Promise<string[]> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof InvalidInputError)) throw new Error(`not refused as invalid: ${String(error)}`);
  return error.issues.map(({ path }) => path);
}

describe.concurrent('the nodes of the configuration', () => {
  test('are taken over by name, and leave what operators made of them alone until an entry changes', async () => {
    await using under = await openNodes();
    const { nodes } = under;
    const entries = [painter('one', { slots: 2 }), painter('two', { protocol: 'qwen-image-gguf' })];
    await nodes.seed(entries);
    const [one, two] = await nodes.list();
    expect([one?.name, one?.slotCount, two?.protocol]).toEqual(['one', 2, 'QWEN_IMAGE_GGUF']);

    await nodes.remove(one?.id ?? '');
    await nodes.update(two?.id ?? '', { slots: 5 });
    await nodes.seed(entries);
    expect(await nodes.list()).toMatchObject([{ name: 'two', slotCount: 5 }]);

    await nodes.seed([painter('one', { slots: 3 }), painter('two', { slots: 4 })]);
    expect(await nodes.list()).toMatchObject([
      { id: one?.id, name: 'one', slotCount: 3, state: 'ACTIVE' },
      { name: 'two', slotCount: 4 },
    ]);
  });

  test('are taken over once by many processes that start together', async () => {
    await using under = await openNodes();
    const processes = [under.nodes, ...Array.from({ length: 4 }, () => under.sibling())];
    await Promise.all(processes.map((nodes) => nodes.seed([painter('one'), painter('two')])));
    expect((await under.nodes.list()).map(({ name }) => name)).toEqual(['one', 'two']);
  });

  test('are refused together, each fault with its path', async () => {
    await using under = await openNodes();
    const refused = under.nodes.seed([painter('one', { url: 'ftp://x' }), painter('two', { slots: 0 })]);
    expect(await issuesOf(refused)).toEqual(['GPU_NODES.0.url', 'GPU_NODES.1.slots']);
    expect(await under.nodes.list()).toEqual([]);
  });
});

describe.concurrent('a node that is registered', () => {
  const wrong: [string, Partial<NodeInput>][] = [
    ['name', { name: ' ' }],
    ['url', { url: 'not a url' }],
    ['url', { url: 'http://user:secret@127.0.0.1' }],
    ['url', { url: 'http://127.0.0.1/?a=b' }],
    ['protocol', { protocol: 'TELEPATHY' }],
    ['slots', { slots: 1.5 }],
    ['token', { token: 'gehe\u00edm' }],
    ['token', { token: 'two words' }],
    ['offers', { offers: [] }],
    ['offers.0.models', { offers: [{ kind: 'TEXT_TO_IMAGE', models: [] }] }],
    ['offers.0.kind', { offers: [{ kind: 'ALCHEMY', models: ['gold'] }] }],
    ['offers.0.kind', { offers: [{ kind: 'SPEECH_TO_TEXT', models: ['whisper'] }] }],
    ['offers.1.kind', { offers: ['a', 'b'].map((name) => ({ kind: 'TEXT_TO_IMAGE', models: [name] })) }],
  ];

  test('is refused for what is wrong with it, with the path and nothing else', async () => {
    await using under = await openNodes();
    for (const [path, changes] of wrong) {
      const issues = await issuesOf(under.nodes.register(painter('one', changes)));
      expect(issues, JSON.stringify(changes)).toEqual([path]);
    }
    expect(await under.nodes.list()).toEqual([]);
  });

  test('has a name of its own, which a removed node gives back', async () => {
    await using under = await openNodes();
    const first = await under.nodes.register(painter('one'));
    await expect(under.nodes.register(painter('one'))).rejects.toThrow(AlreadyExistsError);
    await under.nodes.remove(first.id);
    const again = await under.nodes.register(painter('one', { url: 'http://127.0.0.1:10/base/' }));
    expect(again).toMatchObject({ id: first.id, state: 'ACTIVE', url: 'http://127.0.0.1:10/base' });
  });

  test('is unhealthy until it has been asked, and again when it moves', async () => {
    await using under = await openNodes();
    const node = await under.nodes.register(painter('one'));
    expect(statusOf(node, 0)).toBe('UNHEALTHY');
    await pool(under).query('UPDATE gpu_node SET healthy = true');
    expect(statusOf(await under.nodes.update(node.id, { slots: 2 }), 0)).toBe('HEALTHY');
    expect(statusOf(await under.nodes.update(node.id, { url: 'http://127.0.0.1:10' }), 0)).toBe('UNHEALTHY');
  });

  test('drains, resumes and is removed; then nothing more can be done to it', async () => {
    await using under = await openNodes();
    const { nodes } = under;
    const { id } = await nodes.register(painter('one'));
    expect(await views(under)).toHaveLength(1);
    const draining = await nodes.drain(id);
    expect([statusOf(draining, 1), statusOf(draining, 0)]).toEqual(['DRAINING', 'DRAINED']);
    expect(await views(under)).toEqual([]);
    await nodes.resume(id);
    expect(await views(under)).toHaveLength(1);
    await nodes.remove(id);
    expect(await views(under)).toEqual([]);
    const ways = [nodes.drain, nodes.resume, nodes.remove, (gone: string) => nodes.update(gone, {})];
    for (const way of ways) await expect(way(id)).rejects.toThrow(NotFoundError);
    await expect(nodes.connect(id)).rejects.toThrow(NotFoundError);
  });

  test('waits its turn when more register at once than there are connections', async () => {
    await using under = await openNodes();
    const holder = await pool(under).connect();
    await holder.query('BEGIN; LOCK TABLE gpu_node IN ACCESS EXCLUSIVE MODE');
    // Four get a connection at once, and two wait.
    const names = Array.from({ length: 6 }, (_, n) => `node-${n}`);
    const registered = Promise.all(names.map((name) => under.nodes.register(painter(name))));
    // Longer than Prisma waits for a connection unless it is told otherwise.
    await Promise.race([registered, setTimeout(2_200)]);
    await holder.query('COMMIT');
    holder.release();
    expect(await registered).toHaveLength(6);
  });

  test('is announced with each change', async () => {
    await using under = await openNodes();
    const { id } = await under.nodes.register(painter('one'));
    expect(under.heard).toContainEqual({ type: 'node', id });
    expect(under.heard).toContainEqual({ type: 'slots' });
  });
});

describe.concurrent('slots', () => {
  test('follow the number that the node has; a busy one that is too many runs to its end', async () => {
    await using under = await openNodes();
    const { id } = await under.nodes.register(painter('one', { slots: 3 }));
    await pool(under).query(
      `UPDATE slot SET task_id = $1, epoch = 7, leased_at = now(), held_until = now() + interval '60 s' WHERE slot_no = 3`,
      [id],
    );
    expect(await views(under)).toMatchObject([{ freeSlots: [1, 2] }]);
    await expectBusy(under, [3]);
    await under.nodes.update(id, { slots: 2 });
    expect(await views(under)).toMatchObject([{ freeSlots: [1, 2], busyForSeconds: [] }]);
    await pool(under).query('UPDATE slot SET task_id = NULL WHERE slot_no = 3');
    await under.nodes.update(id, { slots: 4 });
    const { rows } = await pool(under).query('SELECT slot_no, epoch FROM slot ORDER BY slot_no');
    expect(rows.map(({ slot_no, epoch }) => [slot_no, epoch])).toEqual([
      [1, 0],
      [2, 0],
      [3, 7],
      [4, 0],
    ]);
  });

  test('that cool down are not free, and an attempt that is late is not expected to end at once', async () => {
    await using under = await openNodes();
    const { id } = await under.nodes.register(painter('one', { slots: 3 }));
    await pool(under).query(`UPDATE slot SET held_until = now() + interval '30 s' WHERE slot_no = 1`);
    await pool(under).query(
      `UPDATE slot SET task_id = $1, held_until = now() - interval '20 s' WHERE slot_no = 2`,
      [id],
    );
    expect(await views(under)).toMatchObject([{ freeSlots: [3] }]);
    await expectBusy(under, [1, 2]);
  });
});
