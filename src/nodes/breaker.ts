import type { Database } from '../database/index.ts';
import type { Carrier } from '../events/announcement.ts';
import type { Directory } from './directory.ts';

/**
 * A node's circuit, as its row has it: closed (healthy), open (unhealthy until a probe finds it ready, after
 * a growing back-off), and on trial (healthy again, but with so many failures since its last success: it gets
 * one task at a time).
 */
export const OPEN_AFTER_FAILURES = 3;

const FIRST_BACKOFF_MS = 500;

/** SQL for when a node with that many failures is asked again: later each time, but no later than a healthy one. */
export const nextProbe = (failures: string, intervalMs: string): string =>
  `now() + least(${intervalMs}, ${FIRST_BACKOFF_MS} * 2 ^ least(${failures} - 1, 20)) * interval '1 ms'`;

/** What became of the calls of this process tells of a node's health, too. */
export interface Breaker {
  /** A call failed by the node's fault. It is probed at once, or set aside after too many in a row. */
  reportFailure(nodeId: string): Promise<void>;
  /** The node did what it should. */
  reportSuccess(nodeId: string): Promise<void>;
}

// The first failures are looked into at once; after that the node has its back-off.
const FAILED = `
  UPDATE gpu_node SET
    failures = failures + 1,
    healthy = healthy AND failures + 1 < $2,
    next_probe_at = CASE WHEN failures + 1 < $2 THEN now() ELSE ${nextProbe('(failures + 2 - $2)', '$3::float8')} END
  WHERE id = $1 AND state <> 'REMOVED'`;

const SUCCEEDED =
  'UPDATE gpu_node SET failures = 0, last_seen_at = now() WHERE id = $1 AND healthy AND failures > 0';

export interface BreakerOptions {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly directory: Directory;
  readonly intervalMs: number;
}

export function createBreaker({ database, carrier, directory, intervalMs }: BreakerOptions): Breaker {
  return {
    async reportFailure(nodeId) {
      await database.pool.query(FAILED, [nodeId, OPEN_AFTER_FAILURES, intervalMs]);
      carrier.announce({ type: 'node', id: nodeId });
    },
    async reportSuccess(nodeId) {
      const known = await directory.find(nodeId);
      if (!known || known.failures === 0) return;
      const { rowCount } = await database.pool.query(SUCCEEDED, [nodeId]);
      if (rowCount === 0) return;
      carrier.announce({ type: 'node', id: nodeId });
      carrier.announce({ type: 'slots' });
    },
  };
}
