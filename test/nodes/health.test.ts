import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createSimulator, type SimulatorOptions } from '../../simulator/index.ts';
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

const within = (timeout: number) => ({ timeout, interval: 20 });

describe('a node', () => {
  test('is healthy once its own readiness check says so, and not while it loads', async () => {
    await using probed = await openProbed({ ready: false });
    await expect
      .poll(probed.node, within(2_000))
      .toMatchObject({ healthy: false, failures: 1, lastSeenAt: null });
    probed.simulator.set({ ready: true });
    await expect
      .poll(probed.node, within(3_000))
      .toMatchObject({ healthy: true, lastSeenAt: expect.any(Date) });
    expect(probed.heard).toContainEqual({ type: 'slots' });
    probed.simulator.set({ ready: false });
    await expect.poll(probed.node, within(3_000)).toMatchObject({ healthy: false });
  });

  test('that goes down and comes back takes one task at a time until one has succeeded', async () => {
    await using probed = await openProbed();
    await expect.poll(probed.node, within(3_000)).toMatchObject({ healthy: true });
    expect(await probed.freeSlots()).toEqual([1, 2]);
    await probed.simulator.refuseConnections();
    await expect.poll(async () => (await probed.node()).failures, within(8_000)).toBeGreaterThanOrEqual(3);
    expect(await probed.freeSlots()).toEqual([]);
    await probed.simulator.acceptConnections();
    await expect.poll(probed.freeSlots, within(3_000)).toEqual([1]);
    await probed.nodes.reportSuccess(probed.id);
    expect(await probed.freeSlots()).toEqual([1, 2]);
  });

  test('that fails three calls in a row is set aside, whatever its readiness check says', async () => {
    await using probed = await openProbed();
    await expect.poll(probed.node, within(3_000)).toMatchObject({ healthy: true });
    for (let failures = 1; failures <= 3; failures++) await probed.nodes.reportFailure(probed.id);
    expect(await probed.freeSlots()).toEqual([]);
    await expect.poll(probed.freeSlots, within(3_000)).toEqual([1]);
    await probed.nodes.reportFailure(probed.id);
    expect(await probed.freeSlots()).toEqual([]);
  });

  test('that moved is probed at its new address at once', async () => {
    await using probed = await openProbed();
    await expect.poll(probed.node, within(3_000)).toMatchObject({ healthy: true });
    await using elsewhere = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', ready: false });
    await probed.nodes.update(probed.id, { url: elsewhere.url });
    await expect.poll(probed.node, within(2_000)).toMatchObject({ healthy: false, failures: 1 });
  });
});

describe('a node that works', () => {
  test('is dead soon once nothing listens at its address', async () => {
    await using probed = await openProbed();
    await expect.poll(probed.node, within(3_000)).toMatchObject({ healthy: true });
    await probed.occupy();
    await probed.simulator.refuseConnections();
    const began = performance.now();
    await expect.poll(probed.node, within(3_000)).toMatchObject({ healthy: false });
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(await probed.nodes.isLost(probed.id)).toBe(true);
  });

  test('and is not ready for more is not dead', async () => {
    await using probed = await openProbed();
    await expect.poll(probed.node, within(3_000)).toMatchObject({ healthy: true });
    await probed.occupy();
    probed.simulator.set({ ready: false });
    await expect.poll(probed.node, within(3_000)).toMatchObject({ healthy: false });
    expect(await probed.nodes.isLost(probed.id)).toBe(false);
  });

  test('and answers no probe stays healthy as long as its port is open', async () => {
    await using probed = await openProbed();
    await expect.poll(probed.node, within(3_000)).toMatchObject({ healthy: true });
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
    await expect.poll(probed.node, within(9_000)).toMatchObject(seen);
    silent.closeAllConnections();
    silent.close();
  });
});
