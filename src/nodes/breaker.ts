import type { Database, GpuNode } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';
import type { Log } from '../log.ts';
import type { Directory } from './directory.ts';
import { REGISTRY_LOCK } from './node-writer.ts';

/**
 * A node's circuit, as its row has it: closed; open (it takes nothing until a probe finds it ready, after a
 * growing back-off or the time for which it was set aside); half open (it takes work again, but has failed so
 * often since its last success that it gets one task at a time).
 */
export type CircuitState = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

export const OPEN_AFTER_FAILURES = 3;

export function circuitOf({ healthy, failures }: Pick<GpuNode, 'healthy' | 'failures'>): CircuitState {
  if (!healthy) return 'OPEN';
  return failures >= OPEN_AFTER_FAILURES ? 'HALF_OPEN' : 'CLOSED';
}

const FIRST_BACKOFF_MS = 500;

/** A node is set aside for so long, times how often in a row that happened. */
const EJECTION_SECONDS = 30;
const MAX_EJECTION_SECONDS = 300;
/** A node that went so long without is set aside as if for the first time. */
const FORGIVEN_AFTER_SECONDS = 600;
/** Of the nodes in use: a fault that many have in common is hardly theirs. */
const MAX_EJECTED_SHARE = 0.5;

/** SQL for the back-off after that many failures: longer each time, but no longer than between two probes. */
export const backoffMs = (failures: string, intervalMs: string): string =>
  `least(${intervalMs}, ${FIRST_BACKOFF_MS} * 2 ^ least(${failures} - 1, 20))`;

/** What became of the calls of this process tells of a node's health, too. */
export interface Breaker {
  /**
   * A call failed by the node's fault: it is probed at once, and set aside after too many in a row where
   * others can do its work. Answers for how many milliseconds the slot had better be left alone.
   */
  reportFailure(nodeId: string): Promise<number>;
  /** The node did what it should. */
  reportSuccess(nodeId: string): Promise<void>;
}

const FAILED = `
  UPDATE gpu_node SET failures = failures + 1, next_probe_at = CASE WHEN healthy THEN now() ELSE next_probe_at END
  WHERE id = $1 AND state <> 'REMOVED'
  RETURNING name, healthy AND failures >= ${OPEN_AFTER_FAILURES} AS trips,
    ${backoffMs(`(failures - ${OPEN_AFTER_FAILURES - 1})`, '$2::float8')} AS backoff_ms`;

// The last one that does something stays, on trial: better a doubtful node than none.
const EJECT = `
  UPDATE gpu_node n SET healthy = false, ejections = b.times, ejected_until = b.until, next_probe_at = b.until
  FROM (
    SELECT id, times, now() + least(${MAX_EJECTION_SECONDS}, ${EJECTION_SECONDS} * times) * interval '1 s' AS until
    FROM (
      SELECT id, CASE WHEN ejected_until > now() - interval '${FORGIVEN_AFTER_SECONDS} s'
                      THEN ejections + 1 ELSE 1 END AS times
      FROM gpu_node WHERE id = $1 AND healthy AND failures >= ${OPEN_AFTER_FAILURES} AND state = 'ACTIVE' FOR UPDATE
    ) AS tripped
  ) AS b
  WHERE n.id = b.id AND NOT EXISTS (
    SELECT FROM jsonb_array_elements(n.offers) AS offer, jsonb_array_elements_text(offer -> 'models') AS model
    WHERE NOT EXISTS (
      SELECT FROM gpu_node o, jsonb_array_elements(o.offers) AS other
      WHERE o.id <> n.id AND o.state = 'ACTIVE' AND o.healthy
        AND other ->> 'kind' = offer ->> 'kind' AND other -> 'models' ? model
    )
  ) AND (
    SELECT count(*) FILTER (WHERE ejected_until > now()) + 1 <= greatest(1, floor(count(*) * ${MAX_EJECTED_SHARE}))
    FROM gpu_node WHERE state = 'ACTIVE'
  )
  RETURNING n.ejections, n.ejected_until AS until`;

const SUCCEEDED =
  'UPDATE gpu_node SET failures = 0, last_seen_at = now() WHERE id = $1 AND healthy AND failures > 0';

export interface BreakerOptions {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly directory: Directory;
  readonly intervalMs: number;
  readonly log: Log;
}

export function createBreaker({ database, carrier, directory, intervalMs, log }: BreakerOptions): Breaker {
  /** Sets the node aside, unless it is needed; one at a time, so that the last two do not both go. */
  function eject(nodeId: string): Promise<{ ejections: number; until: Date } | undefined> {
    return database.lanes.transact(async (tx) => {
      void tx.query('SELECT pg_advisory_xact_lock($1)', [REGISTRY_LOCK]);
      const [ejected] = await tx.query<{ ejections: number; until: Date }>(EJECT, [nodeId]);
      return ejected;
    });
  }

  return {
    async reportFailure(nodeId) {
      type Failed = { name: string; trips: boolean; backoff_ms: number };
      const { rows } = await database.pool.query<Failed>(FAILED, [nodeId, intervalMs]);
      const [failed] = rows;
      const ejected = failed?.trips ? await eject(nodeId) : undefined;
      if (ejected) log.warn({ node: failed?.name, ...ejected }, 'node set aside for failed calls');
      carrier.announce({ type: 'node', id: nodeId });
      return failed?.trips && !ejected ? failed.backoff_ms : 0;
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
