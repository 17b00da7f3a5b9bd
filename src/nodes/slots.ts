import type { Transaction } from '../database/index.ts';
import { OPEN_AFTER_FAILURES } from './breaker.ts';
import type { NodeView, OfferView } from './planner/index.ts';

/** SQL: whether a task waits for that node, to take up a job that it has there. */
export const keepsJob = (node: string): string => `EXISTS (
    SELECT FROM remote_job r JOIN task t ON t.id = r.task_id
    WHERE r.node_id = ${node}.id AND r.handle IS NOT NULL AND t.status = 'QUEUED')`;

interface NodeRow {
  id: string;
  offers: OfferView[];
  free: number[] | null;
  busy: number[] | null;
  last_leased_ms: number | null;
  on_trial: boolean;
  loaded: string[] | null;
}

// Slots number from 1. Rows above slot_count stay, since their epochs must go on where they left off; one that
// is busy then runs to its end and is never leased again.
//
// An attempt past its expected end is taken to last as long again as it is late: what never ends must not look
// like what ends at once.
//
// What drains takes nothing new; a job that it was given before is not new.
const NODE_VIEWS = `
  SELECT n.id, CASE WHEN n.state = 'ACTIVE' THEN n.offers ELSE '[]' END AS offers, n.failures >= $1 AS on_trial, n.loaded_models AS loaded,
    array_agg(s.slot_no) FILTER (WHERE s.is_free) AS free,
    array_agg(abs(coalesce(extract(epoch FROM s.held_until - statement_timestamp()), 0))::float8)
      FILTER (WHERE NOT s.is_free) AS busy,
    (extract(epoch FROM max(s.leased_at)) * 1000)::float8 AS last_leased_ms
  FROM gpu_node n
  JOIN LATERAL (
    SELECT slot_no, held_until, leased_at,
      task_id IS NULL AND (held_until IS NULL OR held_until <= statement_timestamp()) AS is_free
    FROM slot WHERE node_id = n.id AND slot_no <= n.slot_count
  ) s ON true
  WHERE n.healthy AND (n.state = 'ACTIVE'
    OR n.state = 'DRAINING' AND coalesce(n.drain_until > statement_timestamp(), true) AND ${keepsJob('n')})
  GROUP BY n.id
  ORDER BY n.id`;

/** A node on trial gets one task at a time, until one succeeds. */
function trialSlots(free: number[], busy: number[]): number[] {
  return busy.length > 0 ? [] : free.slice(0, 1);
}

/** The nodes that may take work now, for a {@link Snapshot}. Locks nothing: leasing a slot must ask again that it is free. */
export async function readNodeViews(tx: Pick<Transaction, 'query'>): Promise<NodeView[]> {
  const rows = await tx.query<NodeRow>(NODE_VIEWS, [OPEN_AFTER_FAILURES]);
  return rows.map((row) => {
    const free = row.free ?? [];
    const busy = row.busy ?? [];
    return {
      id: row.id,
      offers: row.offers,
      freeSlots: row.on_trial ? trialSlots(free, busy) : free,
      busyForSeconds: busy,
      lastLeasedAt: row.last_leased_ms ?? 0,
      loadedModels: row.loaded,
      trial: row.on_trial,
    };
  });
}
