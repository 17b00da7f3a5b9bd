import type { Database, GpuNode } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';
import type { Log } from '../log.ts';
import { createWaker } from '../waker.ts';
import { keepsJob } from './slots.ts';

const EVERY_MS = 500;

/** Why what runs on a node is to end: the node is gone, or has been drained for as long as it may take. */
export type Departure = 'lost' | 'drained';

/** Nodes that go: those that say so, those that are not heard of any more, and those whose drain is over. */
export interface Departures {
  /** Sees to them until the signal aborts. One process at a time does so: run it as a leader. */
  watch(signal: AbortSignal): Promise<void>;
  /** Whether, by its row, what runs there is to end now; null: it may run on. */
  of(nodeId: string): Promise<Departure | null>;
}

const EXPIRE = `
  UPDATE gpu_node SET state = 'REMOVED', healthy = false
  WHERE lease_until < now() AND state <> 'REMOVED' RETURNING id, name`;

const LEAVE = `
  UPDATE gpu_node n SET state = 'REMOVED', healthy = false, lease_until = NULL
  WHERE leaving AND state = 'DRAINING'
    AND NOT EXISTS (SELECT FROM slot WHERE node_id = n.id AND task_id IS NOT NULL)
    AND NOT (healthy AND ${keepsJob('n')}) RETURNING id, name`;

// Told again and again, since an announcement may be lost.
const OVERDUE = `
  SELECT id, name FROM gpu_node n
  WHERE ((state = 'DRAINING' AND drain_until <= now()) OR (state = 'REMOVED' AND lease_until < now()))
    AND EXISTS (SELECT FROM slot WHERE node_id = n.id AND task_id IS NOT NULL)`;

const FATE = `
  SELECT CASE WHEN state = 'REMOVED' AND lease_until < now() THEN 'lost'
              WHEN state = 'DRAINING' AND drain_until <= now() THEN 'drained' END AS departure
  FROM gpu_node WHERE id = $1`;

type Gone = Pick<GpuNode, 'id' | 'name'>;

export interface DeparturesOptions {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly log: Log;
}

export function createDepartures({ database: { pool }, carrier, log }: DeparturesOptions): Departures {
  async function tell(sql: string, message: string | null): Promise<void> {
    const { rows } = await pool.query<Gone>(sql);
    for (const { id, name } of rows) {
      if (message !== null) log.info({ node: name }, message);
      carrier.announce({ type: 'node', id });
    }
  }

  async function look(): Promise<void> {
    await tell(EXPIRE, 'node removed: it was not heard of any more');
    await tell(LEAVE, 'node removed: it left');
    await tell(OVERDUE, null);
  }

  return {
    async watch(signal) {
      const waker = createWaker();
      while (!signal.aborted) {
        await look().catch((error: unknown) =>
          log.warn({ err: error }, 'nodes that go could not be seen to'),
        );
        await waker.wait(EVERY_MS, signal);
      }
    },
    async of(nodeId) {
      const { rows } = await pool.query<{ departure: Departure | null }>(FATE, [nodeId]);
      return rows[0]?.departure ?? null;
    },
  };
}
