import type { Database, GpuNode } from '../database/index.ts';
import type { Carrier } from '../events/announcement.ts';
import type { Log } from '../log.ts';
import { createWaker, type Waker } from '../waker.ts';
import { nextProbe } from './breaker.ts';
import type { Directory } from './directory.ts';
import { isDead } from './liveness.ts';

const PROBE_TIMEOUT_MS = 5_000;
/** How often the table is asked which nodes are due, where nobody says so earlier. */
const BACKSTOP_MS = 1_000;
/** How often nodes that run something are looked after. */
const LIVENESS_MS = 500;

/** Asks every node whether it is ready. One process at a time does so: run it as a leader. */
export interface Prober {
  run(signal: AbortSignal): Promise<void>;
}

export interface ProberOptions {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly directory: Directory;
  /** Between the probes of a healthy node. */
  readonly intervalMs: number;
  readonly log: Log;
}

const DUE = `
  SELECT id, extract(epoch FROM next_probe_at - now())::float8 * 1000 AS due_in_ms
  FROM gpu_node WHERE state <> 'REMOVED'`;

const ALL_DUE = `UPDATE gpu_node SET next_probe_at = now() WHERE state <> 'REMOVED'`;

const HOLDS_ATTEMPTS = 'SELECT EXISTS (SELECT FROM slot WHERE node_id = $1 AND task_id IS NOT NULL) AS holds';

const WORKING = `
  SELECT id, 0 AS due_in_ms FROM gpu_node
  WHERE state <> 'REMOVED' AND EXISTS (SELECT FROM slot WHERE node_id = gpu_node.id AND task_id IS NOT NULL)`;

const FAILURES = 'SELECT failures FROM gpu_node WHERE id = $1';

// A node that was set aside while it was asked keeps its back-off: what it answered is older than that.
const READY = `
  UPDATE gpu_node SET healthy = true, last_seen_at = now(), next_probe_at = now() + $2 * interval '1 ms'
  FROM (SELECT id, healthy, failures FROM gpu_node WHERE id = $1 FOR UPDATE) AS before
  WHERE gpu_node.id = before.id AND (before.healthy OR before.failures = $3)
  RETURNING NOT before.healthy AS changed`;

const BUSY = `
  UPDATE gpu_node SET last_seen_at = now(), next_probe_at = now() + least($2, ${BACKSTOP_MS}) * interval '1 ms'
  WHERE id = $1`;

const FAILED = `
  UPDATE gpu_node SET healthy = false, failures = failures + 1,
    next_probe_at = ${nextProbe('(failures + 1)', '$2::float8')}
  FROM (SELECT id, healthy FROM gpu_node WHERE id = $1 FOR UPDATE) AS before
  WHERE gpu_node.id = before.id
  RETURNING before.healthy AS changed`;

export function createProber({ database, carrier, directory, intervalMs, log }: ProberOptions): Prober {
  const { pool } = database;

  async function write(sql: string, node: GpuNode, ...values: number[]): Promise<boolean> {
    const { rows } = await pool.query<{ changed: boolean }>(sql, [node.id, intervalMs, ...values]);
    return rows[0]?.changed === true;
  }

  async function holdsAttempts(node: GpuNode): Promise<boolean> {
    const { rows } = await pool.query<{ holds: boolean }>(HOLDS_ATTEMPTS, [node.id]);
    return rows[0]?.holds === true;
  }

  async function markFailed(node: GpuNode, detail: string): Promise<void> {
    if (await write(FAILED, node)) log.warn({ node: node.name, detail }, 'node became unhealthy');
    carrier.announce({ type: 'node', id: node.id });
  }

  async function probe(node: GpuNode, signal: AbortSignal): Promise<void> {
    using connected = directory.connect(node);
    const { protocol, client } = connected;
    const { rows } = await pool.query<{ failures: number }>(FAILURES, [node.id]);
    const timeout = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const { ready, detail = 'not ready' } = await protocol.ready(client, AbortSignal.any([timeout, signal]));
    if (signal.aborted) return;
    if (ready) {
      if (!(await write(READY, node, rows[0]?.failures ?? 0))) return;
      log.info({ node: node.name }, 'node became healthy');
      carrier.announce({ type: 'node', id: node.id });
      carrier.announce({ type: 'slots' });
    } else if (timeout.aborted && (await holdsAttempts(node)) && !(await isDead(client))) {
      // Servers with one thread answer nothing while they work.
      await write(BUSY, node);
    } else {
      await markFailed(node, detail);
    }
  }

  async function checkLiveness(node: GpuNode, signal: AbortSignal): Promise<void> {
    using connected = directory.connect(node);
    const dead = await isDead(connected.client);
    if (dead && !signal.aborted) await markFailed(node, 'nothing listens at its address');
  }

  async function due(sql: string): Promise<{ id: string; due_in_ms: number }[]> {
    try {
      return (await pool.query<{ id: string; due_in_ms: number }>(sql)).rows;
    } catch (error) {
      log.warn({ err: error }, 'the nodes to probe could not be read');
      return [];
    }
  }

  /** Asks `sql` for nodes again and again, and has each that is due checked, one check at a time for each. */
  async function patrol(options: {
    sql: string;
    everyMs: number;
    signal: AbortSignal;
    waker: Waker;
    check(node: GpuNode, signal: AbortSignal): Promise<void>;
  }): Promise<void> {
    const { sql, everyMs, signal, waker, check } = options;
    const running = new Map<string, Promise<void>>();
    while (!signal.aborted) {
      const rows = await due(sql);
      for (const { id } of rows.filter((row) => row.due_in_ms <= 0 && !running.has(row.id))) {
        const node = await directory.find(id);
        if (!node) continue;
        const checking = check(node, signal)
          .catch((error: unknown) => log.error({ err: error, node: node.name }, 'a probe failed'))
          .finally(() => running.delete(id));
        running.set(id, checking);
      }
      const later = rows.map((row) => row.due_in_ms).filter((ms) => ms > 0);
      await waker.wait(Math.min(everyMs, ...later), signal);
    }
    await Promise.all(running.values());
  }

  return {
    async run(signal) {
      const waker = createWaker();
      const deafen = carrier.listen(({ type }) => {
        if (type === 'node' || type === 'resync') waker.wake();
      });
      const probeAndGoOn = (node: GpuNode) => probe(node, signal).finally(waker.wake);
      try {
        await pool.query(ALL_DUE);
        await Promise.all([
          patrol({ sql: DUE, everyMs: BACKSTOP_MS, signal, waker, check: probeAndGoOn }),
          patrol({ sql: WORKING, everyMs: LIVENESS_MS, signal, waker: createWaker(), check: checkLiveness }),
        ]);
      } finally {
        deafen();
      }
    },
  };
}
