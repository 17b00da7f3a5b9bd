import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { createSimulator, type SimulatorOptions } from '../../simulator/index.ts';
import { circuitOf } from '../../src/nodes/index.ts';
import { startNode } from './protocols/node.ts';
import { openNodes, painter } from './support.ts';

/** A simulated node that is registered, and probed until the end of the test. */
async function openProbed(options: Partial<SimulatorOptions> = {}) {
  const under = await openNodes();
  const simulator = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', ...options });
  const { id } = await under.nodes.register(
    painter('one', { url: simulator.url, protocol: simulator.protocol, slots: 2 }),
  );
  const stopping = new AbortController();
  const probing = under.nodes.probe(stopping.signal);
  return {
    ...under,
    simulator,
    id,
    node: () => under.database.prisma.gpuNode.findUniqueOrThrow({ where: { id } }),
    /** As if an attempt ran on the node. */
    occupy: (count = 1) =>
      under.database.pool.query('UPDATE slot SET task_id = $1 WHERE slot_no <= $2', [id, count]),
    async freeSlots() {
      const query = async (text: string, values: readonly unknown[] = []) =>
        (await under.database.pool.query(text, [...values])).rows;
      const views = await under.nodes.views({ query: query as never });
      return views.flatMap(({ freeSlots }) => freeSlots);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await probing;
      await simulator.close();
      await under[Symbol.asyncDispose]();
    },
  };
}

/** They share a machine that may be busy: how long they wait at most is no promise. */
const patiently = { timeout: 40_000 };
const eventually = <T>(read: () => T | Promise<T>, check: (found: T) => void) =>
  vi.waitFor(async () => check(await read()), { timeout: 30_000, interval: 20 });
const isHealthy = (probed: Awaited<ReturnType<typeof openProbed>>) =>
  eventually(probed.node, (node) => expect(node).toMatchObject({ healthy: true }));
const isUnhealthy = (probed: Awaited<ReturnType<typeof openProbed>>) =>
  eventually(probed.node, (node) => expect(node).toMatchObject({ healthy: false }));
/** Of such a kind, since the last time that what was heard was thrown away. */
const isAnnounced = ({ heard }: Awaited<ReturnType<typeof openProbed>>, type: string) =>
  eventually(
    () => heard,
    (all) => expect(all).toContainEqual(expect.objectContaining({ type })),
  );

describe.concurrent('a node', patiently, () => {
  test('is healthy once its own readiness check says so, and not while it loads', async () => {
    await using probed = await openProbed({ ready: false });
    await eventually(probed.node, ({ healthy, failures, lastSeenAt }) =>
      expect([healthy, failures > 0, lastSeenAt]).toEqual([false, true, null]),
    );
    probed.heard.length = 0;
    probed.simulator.set({ ready: true });
    await eventually(probed.node, (node) =>
      expect(node).toMatchObject({ healthy: true, lastSeenAt: expect.any(Date) }),
    );
    await isAnnounced(probed, 'slots');
    probed.simulator.set({ ready: false });
    await isUnhealthy(probed);
  });

  test('that goes down and comes back takes one task at a time until one has succeeded', async () => {
    await using probed = await openProbed();
    await isHealthy(probed);
    expect(await probed.freeSlots()).toEqual([1, 2]);
    await probed.simulator.refuseConnections();
    await eventually(probed.node, ({ failures }) => expect(failures).toBeGreaterThanOrEqual(3));
    expect(await probed.freeSlots()).toEqual([]);
    await probed.simulator.acceptConnections();
    await eventually(probed.freeSlots, (free) => expect(free).toEqual([1]));
    expect(circuitOf(await probed.node())).toBe('HALF_OPEN');
    await probed.nodes.reportSuccess(probed.id);
    expect(await probed.freeSlots()).toEqual([1, 2]);
  });

  test('that fails three calls in a row, and is the only one, gets one task at a time, and time between them', async () => {
    await using probed = await openProbed();
    await isHealthy(probed);
    const pauses: number[] = [];
    for (let n = 1; n <= 4; n++) pauses.push(await probed.nodes.reportFailure(probed.id));
    expect(pauses).toEqual([0, 0, 500, 1_000]);
    expect(await probed.freeSlots()).toEqual([1]);
    expect(circuitOf(await probed.node())).toBe('HALF_OPEN');
    await probed.nodes.reportSuccess(probed.id);
    expect(circuitOf(await probed.node())).toBe('CLOSED');
  });

  test('is asked soon among many, of which only so many are asked at a time', async () => {
    await using under = await openNodes({ healthCheckIntervalMs: 15_000 });
    let [open, most] = [0, 0];
    await using server = await startNode((_, response) => {
      most = Math.max(most, ++open);
      response.once('close', () => open--);
      setTimeout(() => response.end(JSON.stringify({ status: 'ready' })), 50);
    });
    await under.database.pool.query(
      `INSERT INTO gpu_node (id, name, url, protocol, slot_count, offers)
       SELECT gen_random_uuid(), 'node-' || n, $1, 'QWEN_IMAGE_GGUF', 1, '[]' FROM generate_series(1, 80) AS n`,
      [server.url],
    );
    const stopping = new AbortController();
    const probing = under.nodes.probe(stopping.signal);
    const healthy = () => under.database.prisma.gpuNode.count({ where: { healthy: true } });
    await eventually(healthy, (count) => expect(count).toBe(80));
    expect(most).toBeLessThanOrEqual(64);
    stopping.abort();
    await probing;
  });

  test('that moved while it was asked is asked at its new address at once, whatever was said at the old one', async () => {
    await using under = await openNodes({ healthCheckIntervalMs: 15_000 });
    const asked = Promise.withResolvers<ServerResponse>();
    await using before = await startNode((_, response) => asked.resolve(response));
    let wasRefused = false;
    await using after = await startNode((_, response) => {
      if (!wasRefused) response.end(JSON.stringify({ status: 'loading' }));
      wasRefused = true;
    });
    const { id } = await under.nodes.register(painter('one', { url: before.url }));
    const stopping = new AbortController();
    const probing = under.nodes.probe(stopping.signal);
    const answer = await asked.promise;
    await under.nodes.update(id, { url: after.url });
    answer.end(JSON.stringify({ status: 'ready' }));
    const node = () => under.database.prisma.gpuNode.findUniqueOrThrow({ where: { id } });
    await eventually(node, (found) => expect(found).toMatchObject({ healthy: false, failures: 1 }));
    stopping.abort();
    await probing;
  });
});

describe.concurrent('a node that works', patiently, () => {
  test('is dead soon once nothing listens at its address', async () => {
    await using probed = await openProbed();
    await isHealthy(probed);
    await probed.occupy();
    await probed.simulator.refuseConnections();
    await isUnhealthy(probed);
    await eventually(
      () => probed.nodes.departure(probed.id),
      (departure) => expect(departure).toBe('lost'),
    );
  });

  test('and is not ready for more is not dead', async () => {
    await using probed = await openProbed();
    await isHealthy(probed);
    await probed.occupy();
    probed.heard.length = 0;
    probed.simulator.set({ ready: false });
    await isUnhealthy(probed);
    await isAnnounced(probed, 'node');
    expect(await probed.nodes.departure(probed.id)).toBeNull();
  });

  test('and answers no probe stays healthy as long as its port is open', async () => {
    await using probed = await openProbed();
    await isHealthy(probed);
    await probed.occupy();
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    await probed.database.prisma.gpuNode.update({
      where: { id: probed.id },
      data: { url: `http://127.0.0.1:${port}`, nextProbeAt: new Date(0), lastSeenAt: null },
    });
    probed.carrier.announce({ type: 'node', id: probed.id });
    const seen = { healthy: true, failures: 0, lastSeenAt: expect.any(Date) };
    await eventually(probed.node, (node) => expect(node).toMatchObject(seen));
    silent.closeAllConnections();
    silent.close();
  });
});

/** Healthy nodes that nobody probes, each with the models it offers. */
async function openPool(...models: string[][]) {
  const under = await openNodes();
  const ids: string[] = [];
  for (const [n, offered] of models.entries()) {
    const offers = [{ kind: 'TEXT_TO_IMAGE', models: offered }];
    ids.push((await under.nodes.register(painter(`node-${n}`, { offers }))).id);
  }
  const sql = async (text: string) => (await under.database.pool.query(text)).rows;
  await sql('UPDATE gpu_node SET healthy = true');
  return {
    ...under,
    ids,
    sql,
    /** Answers when it began, by the database's clock. */
    async fail(id = '', times = 3): Promise<string> {
      const [row] = await sql('SELECT clock_timestamp()::text AS began');
      for (let n = 0; n < times; n++) await under.nodes.reportFailure(id);
      return row.began;
    },
    circuits: async () =>
      (await under.database.prisma.gpuNode.findMany({ orderBy: { id: 'asc' } })).map(circuitOf),
    /** Whether each was set aside for so many seconds since then; null: it never was. */
    async wasSetAside(seconds: number, since: string) {
      const rows = await sql(
        `SELECT ejected_until - interval '${seconds} s' BETWEEN '${since}' AND clock_timestamp() AS is_so
         FROM gpu_node ORDER BY id`,
      );
      return rows.map(({ is_so: isSo }) => isSo);
    },
  };
}

describe.concurrent('a node whose calls fail', patiently, () => {
  test('is set aside for 30 seconds, and longer each time that it happens again', async () => {
    await using pool = await openPool(['a'], ['a'], ['a']);
    const [first] = pool.ids;
    const began = await pool.fail(first);
    expect(await pool.circuits()).toEqual(['OPEN', 'CLOSED', 'CLOSED']);
    expect(await pool.wasSetAside(30, began)).toEqual([true, null, null]);
    await pool.sql(
      "UPDATE gpu_node SET ejected_until = now() - interval '1 ms', healthy = true WHERE ejected_until IS NOT NULL",
    );
    expect(await pool.circuits()).toEqual(['HALF_OPEN', 'CLOSED', 'CLOSED']);
    const again = await pool.fail(first, 1);
    expect(await pool.wasSetAside(60, again)).toEqual([true, null, null]);
    const long = `now() - interval '11 minutes'`;
    await pool.sql(
      `UPDATE gpu_node SET ejected_until = ${long}, healthy = true WHERE ejected_until IS NOT NULL`,
    );
    const later = await pool.fail(first, 1);
    expect(await pool.wasSetAside(30, later)).toEqual([true, null, null]);
  });

  test('stays where it is the last one that does something, or where half of all are set aside', async () => {
    await using pool = await openPool(['a'], ['a', 'b'], ['a'], ['a']);
    await pool.fail(pool.ids[1]);
    expect(await pool.circuits()).toEqual(['CLOSED', 'HALF_OPEN', 'CLOSED', 'CLOSED']);
    await Promise.all([0, 2, 3].map((n) => pool.fail(pool.ids[n])));
    expect((await pool.circuits()).filter((circuit) => circuit === 'OPEN')).toHaveLength(2);
  });

  test('and was set aside is not asked before its time, and is asked at once when another one is lost', async () => {
    await using pool = await openPool(['a'], ['a'], ['a']);
    await using simulator = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF' });
    const [doubtful = '', lost = ''] = pool.ids;
    for (const id of pool.ids) await pool.nodes.update(id, { url: simulator.url });
    await pool.sql('UPDATE gpu_node SET healthy = true');
    await pool.fail(doubtful);
    const stopping = new AbortController();
    const probing = pool.nodes.probe(stopping.signal);
    const seen = () =>
      pool.sql(
        'SELECT last_seen_at FROM gpu_node WHERE id <> ALL (SELECT id FROM gpu_node WHERE ejected_until > now())',
      );
    await eventually(seen, (rows) => expect(rows.every((row) => row.last_seen_at !== null)).toBe(true));
    expect((await pool.circuits())[0]).toBe('OPEN');
    await pool.nodes.update(lost, { url: 'http://127.0.0.1:9' });
    await pool.sql(`UPDATE gpu_node SET healthy = true WHERE id = '${lost}'`);
    await eventually(pool.circuits, (all) => expect(all).toEqual(['HALF_OPEN', 'OPEN', 'CLOSED']));
    stopping.abort();
    await probing;
  });
});
