import type { Database, GpuNode } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';
import type { Log } from '../log.ts';
import { createWaker, type Waker } from '../waker.ts';
import { backoffMs, OPEN_AFTER_FAILURES } from './breaker.ts';
import type { Directory } from './directory.ts';
import { isDead } from './liveness.ts';
import { inOrderOfUse, knownModels } from './loaded-models.ts';
import type { NodeClient, Readiness } from './protocols/index.ts';

const PROBE_TIMEOUT_MS = 5_000;
/** After a probe that was not answered in time. */
const AGAIN_MS = 500;
/** How often the table is asked which nodes are due, where nobody says so earlier. */
const BACKSTOP_MS = 1_000;
/** How often nodes that run something are looked after. */
const LIVENESS_MS = 500;
/** Nodes that are asked at the same time. */
const MAX_PROBES = 64;

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

// One that was set aside is not asked before its time, whoever wants it asked.
const DUE = `
  SELECT id, extract(epoch FROM greatest(next_probe_at, ejected_until) - now())::float8 * 1000 AS due_in_ms
  FROM gpu_node WHERE state <> 'REMOVED' ORDER BY 2`;

const ALL_DUE = `UPDATE gpu_node SET next_probe_at = now() WHERE state <> 'REMOVED'`;

const WORKING = `
  SELECT id, 0 AS due_in_ms FROM gpu_node
  WHERE state <> 'REMOVED' AND EXISTS (SELECT FROM slot WHERE node_id = gpu_node.id AND task_id IS NOT NULL)`;

const COOLING = 'SELECT FROM slot WHERE node_id = $1 AND task_id IS NULL AND held_until > now()';

// A slot that cools down may still be worked for, too.
const MAY_WORK = `
  SELECT EXISTS (SELECT FROM slot WHERE node_id = $1 AND (task_id IS NOT NULL OR held_until > now())) AS works`;

const BEFORE = 'SELECT failures, clock_timestamp() AS asked_at FROM gpu_node WHERE id = $1';

/** SQL: the node, unless it was moved while it was asked: what was said at its old address is of no use. */
const STANDS_THERE = 'id = $1 AND url = $3 AND protocol = $4';

// A node that was set aside while it was asked keeps its back-off: what it answered is older than that. So is
// what it said of its models where a claim has changed them meanwhile.
const READY = `
  UPDATE gpu_node SET healthy = true, last_seen_at = now(), reported_models = $8,
    loaded_models = CASE WHEN loaded_at >= $6 THEN loaded_models
                         WHEN $7::jsonb IS NULL AND before.healthy THEN loaded_models
                         WHEN $7::jsonb IS NULL THEN NULL ELSE ${inOrderOfUse('$7::jsonb', 'loaded_models')} END,
    next_probe_at = now() + interval '1 ms' * CASE WHEN EXISTS (${COOLING}) THEN least($2, ${BACKSTOP_MS}) ELSE $2 END
  FROM (SELECT id, healthy, failures FROM gpu_node WHERE ${STANDS_THERE} FOR UPDATE) AS before
  WHERE gpu_node.id = before.id AND (before.healthy OR before.failures = $5)
  RETURNING NOT before.healthy AS changed`;

// Of slots that were leased before it was asked: it works for nobody any more.
const END_COOL_DOWNS = `
  UPDATE slot SET held_until = NULL
  WHERE node_id = $1 AND task_id IS NULL AND held_until > now() AND leased_at < $2`;

const ASK_AGAIN = `
  UPDATE gpu_node SET next_probe_at = now() + least($2, $5::float8) * interval '1 ms' WHERE ${STANDS_THERE}`;

const BUSY = `
  UPDATE gpu_node SET last_seen_at = now(), next_probe_at = now() + least($2, ${BACKSTOP_MS}) * interval '1 ms'
  WHERE ${STANDS_THERE}`;

const FAILED = `
  UPDATE gpu_node SET healthy = false, failures = failures + 1,
    next_probe_at = now() + ${backoffMs('(failures + 1)', '$2::float8')} * interval '1 ms'
  FROM (SELECT id, healthy FROM gpu_node WHERE ${STANDS_THERE} FOR UPDATE) AS before
  WHERE gpu_node.id = before.id
  RETURNING before.healthy AS changed`;

// A node was lost: those that were set aside get their trial at once. Better a doubtful node than none.
const PARDON = 'UPDATE gpu_node SET ejected_until = now(), next_probe_at = now() WHERE ejected_until > now()';

export function createProber({ database, carrier, directory, intervalMs, log }: ProberOptions): Prober {
  const { pool } = database;
  /** Probes in a row that were not answered in time, by node. */
  const unanswered = new Map<string, number>();

  async function write(sql: string, node: GpuNode, ...values: unknown[]): Promise<boolean> {
    const { id, url, protocol } = node;
    const { rows, rowCount } = await pool.query<{ changed: boolean }>(sql, [
      ...[id, intervalMs, url, protocol],
      ...values,
    ]);
    // It may stand elsewhere, and that not be known here yet.
    if (rowCount === 0) directory.invalidate();
    return rows[0]?.changed === true;
  }

  async function mayWork(node: GpuNode): Promise<boolean> {
    const { rows } = await pool.query<{ works: boolean }>(MAY_WORK, [node.id]);
    return rows[0]?.works === true;
  }

  async function markReady(
    node: GpuNode,
    before: { failures: number; asked_at: Date } | undefined,
    readiness: Readiness,
  ): Promise<void> {
    const askedAt = before?.asked_at ?? new Date(0);
    const loaded = knownModels(node, readiness.loadedModels);
    const models = [loaded, readiness.models].map((names) => (names ? JSON.stringify(names) : null));
    const recovered = await write(READY, node, before?.failures ?? 0, askedAt, ...models);
    const rested = readiness.idle ? (await pool.query(END_COOL_DOWNS, [node.id, askedAt])).rowCount : 0;
    if (recovered) {
      log.info({ node: node.name }, 'node became healthy');
      carrier.announce({ type: 'node', id: node.id });
    }
    if (recovered || rested) carrier.announce({ type: 'slots' });
  }

  async function markFailed(node: GpuNode, detail: string): Promise<void> {
    if (await write(FAILED, node)) {
      log.warn({ node: node.name, detail }, 'node became unhealthy');
      await pool.query(PARDON);
    }
    carrier.announce({ type: 'node', id: node.id });
  }

  /** It accepts connections, perhaps, and answers nothing: servers with one thread do so while they work. */
  async function markSilent(node: GpuNode, client: NodeClient, detail: string): Promise<void> {
    const times = (unanswered.get(node.id) ?? 0) + 1;
    unanswered.set(node.id, times);
    if (await isDead(client)) await markFailed(node, 'nothing listens at its address');
    else if (await mayWork(node)) await write(BUSY, node);
    else if (times < OPEN_AFTER_FAILURES) await write(ASK_AGAIN, node, AGAIN_MS);
    else await markFailed(node, detail);
  }

  async function probe(node: GpuNode, signal: AbortSignal): Promise<void> {
    using connected = directory.connect(node);
    const { protocol, client } = connected;
    const { rows } = await pool.query<{ failures: number; asked_at: Date }>(BEFORE, [node.id]);
    const timeout = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const readiness = await protocol.ready(client, AbortSignal.any([timeout, signal]));
    if (signal.aborted) return;
    const { ready, detail = 'not ready' } = readiness;
    if (!ready && timeout.aborted) return markSilent(node, client, detail);
    unanswered.delete(node.id);
    if (ready) await markReady(node, rows[0], readiness);
    else await markFailed(node, detail);
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

  /** Asks `sql` for nodes again and again, and has those that are due checked, one check at a time for each. */
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
      const next = rows.filter((row) => row.due_in_ms <= 0 && !running.has(row.id));
      for (const { id } of next.slice(0, MAX_PROBES - running.size)) {
        const node = await directory.find(id);
        if (!node) continue;
        const checking = check(node, signal)
          .catch((error: unknown) => log.error({ err: error, node: node.name }, 'a probe failed'))
          .finally(() => {
            // Others may have waited for this one.
            if (running.size === MAX_PROBES) waker.wake();
            running.delete(id);
          });
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
