import type { Transaction } from '../database/index.ts';
import { parseProtocolName, protocolOf } from '../nodes/protocols/index.ts';
import type { Core } from './core.ts';
import type { Lease } from './types.ts';

/** What an earlier attempt of a task left on a node. */
export interface LeftJob {
  /** Null: it was about to submit, and nobody knows whether it did. */
  readonly handle: string | null;
  /** The job has been there for as long as an attempt may take. */
  readonly isOverdue: boolean;
}

/**
 * The jobs that tasks have on nodes which work by themselves: each outlives the attempt that submitted it. One whose
 * task ends meanwhile is left (see `LeftWorks`).
 */
export interface RemoteJobs {
  /** What is to be resumed on the lease's node, or is unknown wherever it may be; null where there is nothing. */
  find(lease: Lease): Promise<LeftJob | null>;
  /** Marks that the attempt is about to submit. False where it has ended meanwhile: it must not. */
  mark(lease: Lease): Promise<boolean>;
  /** Keeps the handle for the task's next attempt; nothing where the attempt has ended, and nobody will ask. */
  keep(lease: Lease, handle: string): Promise<void>;
  /** Drops what this attempt or one before it left. */
  forget(lease: Lease): Promise<void>;
}

const find = `
  SELECT r.handle, r.at + t.timeout_ms * interval '1 ms' < now() AS "isOverdue"
  FROM remote_job r JOIN task t ON t.id = r.task_id
  WHERE r.task_id = $1 AND (r.node_id = $2 OR r.handle IS NULL)`;

// Whoever ends the attempt locks the task: either this comes first and is seen, or it does nothing.
const write = `
  INSERT INTO remote_job (task_id, node_id, attempt, handle)
  SELECT id, $3, $2, $4 FROM task WHERE id = $1 AND attempt = $2 AND status = 'RUNNING' FOR KEY SHARE
  ON CONFLICT (task_id) DO UPDATE SET node_id = excluded.node_id, attempt = excluded.attempt,
    handle = excluded.handle, at = excluded.at`;

const forget = 'DELETE FROM remote_job WHERE task_id = $1 AND attempt <= $2';

export function createRemoteJobs({ database: { pool } }: Core): RemoteJobs {
  async function put({ taskId, attempt, nodeId }: Lease, handle: string | null): Promise<boolean> {
    const { rowCount } = await pool.query(write, [taskId, attempt, nodeId, handle]);
    return rowCount === 1;
  }

  return {
    async find({ taskId, nodeId }) {
      const { rows } = await pool.query<LeftJob>(find, [taskId, nodeId]);
      return rows[0] ?? null;
    },
    mark: (lease) => put(lease, null),
    keep: async (lease, handle) => void (await put(lease, handle)),
    forget: async ({ taskId, attempt }) => void (await pool.query(forget, [taskId, attempt])),
  };
}

interface PinRow {
  readonly [column: string]: unknown;
  readonly taskId: string;
  readonly nodeId: string;
  readonly protocol: string;
  readonly healthy: boolean;
}

const selectPins = `
  SELECT r.task_id AS "taskId", r.node_id AS "nodeId", n.protocol, n.healthy
  FROM remote_job r JOIN gpu_node n ON n.id = r.node_id
  WHERE r.handle IS NOT NULL AND (n.state = 'ACTIVE' OR n.state = 'DRAINING' AND coalesce(n.drain_until > statement_timestamp(), true))`;

/**
 * Which tasks may run on one node only, since their job is there: few, if any. A node that was removed,
 * or whose drain is over, holds none; one that is unhealthy only where its jobs outlive it.
 */
export async function readPins(tx: Pick<Transaction, 'query'>): Promise<Map<string, string>> {
  const rows = await tx.query<PinRow>(selectPins);
  const pinned = rows.filter(({ protocol, healthy }) => healthy || keepsJobs(protocol));
  return new Map(pinned.map(({ taskId, nodeId }) => [taskId, nodeId]));
}

function keepsJobs(protocol: string): boolean {
  const name = parseProtocolName(protocol);
  return name !== null && protocolOf(name).keepsJobs === true;
}
