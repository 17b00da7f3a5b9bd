import type { Transaction } from '../database/index.ts';
import { kindOf } from '../kinds/index.ts';
import type { Nodes, NodeView, QueueView } from '../nodes/index.ts';
import type { QueueHead, QueueRow } from '../queue/index.ts';
import type { Core } from './core.ts';
import { type Counts, countTasks } from './counts.ts';
import { orderOf } from './priority.ts';

/** Of the advisory lock that claims wait for: one plans at a time, and from what the one before left. */
const CLAIM_LOCK = 0x5717_c1a1;

/** Heads that are read of each queue: what is behind them is planned as if it were like the last. */
const MAX_HEADS = 64;

/** The worker that wants to claim has lost its lease, or never joined. */
export class WorkerLostError extends Error {
  override readonly name = 'WorkerLostError';

  constructor(workerId: string) {
    super(`the worker ${workerId} has no lease: join again`);
  }
}

// KEY SHARE, so that nobody takes the worker for lost, and its slots with it, before this commits.
const selectWorker = `
  SELECT (extract(epoch FROM statement_timestamp()) * 1000)::float8 AS now
  FROM worker WHERE id = $1 AND lease_until > statement_timestamp() FOR KEY SHARE`;

/** What a claim plans from. */
export interface Sight {
  /** Of the database's clock, in milliseconds. */
  readonly now: number;
  readonly nodes: readonly NodeView[];
  /** Empty where no task can start. */
  readonly queues: readonly QueueView[];
  readonly rows: ReadonlyMap<string, QueueRow>;
}

export interface SightRequest {
  readonly nodes: Pick<Nodes, 'views'>;
  readonly workerId: string;
  readonly limit: number;
}

/**
 * Waits until no other claim is under way, and reads everything that a plan depends on as it is then.
 * @throws WorkerLostError
 */
export async function look(
  core: Core,
  tx: Transaction,
  { nodes, workerId, limit }: SightRequest,
): Promise<Sight> {
  void tx.query('SELECT pg_advisory_xact_lock($1)', [CLAIM_LOCK]);
  const [workers, views, heads] = await Promise.all([
    tx.query<{ now: number }>(selectWorker, [workerId]),
    nodes.views(tx),
    core.queue.heads(tx, Math.min(MAX_HEADS, limit)),
  ]);
  const [worker] = workers;
  if (!worker) throw new WorkerLostError(workerId);
  const { now } = worker;
  const isIdle = heads.length === 0 || views.every(({ freeSlots }) => freeSlots.length === 0);
  if (isIdle) return { now, nodes: views, queues: [], rows: new Map() };
  const rows = new Map(heads.map(({ queue }) => [queue.id, queue]));
  const counts = await countTasks(tx, [...rows.keys()]);
  return { now, nodes: views, queues: queueViews(rows, heads, counts), rows };
}

function queueViews(
  rows: ReadonlyMap<string, QueueRow>,
  heads: readonly QueueHead[],
  counts: ReadonlyMap<string, Counts>,
): QueueView[] {
  const byQueue = Map.groupBy(heads, ({ queue }) => queue.id);
  return [...rows.values()].map(({ id, kind, model }) => {
    const first = byQueue.get(id) ?? [];
    return {
      id,
      kind,
      model,
      waiting: Math.max(counts.get(id)?.queued ?? 0, first.length),
      heads: first.map(({ jobId, userId, cost, priority, createdAt }) => ({
        id: jobId,
        userId,
        cost,
        ...orderOf(priority),
        createdAt: createdAt.getTime(),
      })),
      secondsPerUnit: kindOf(kind).secondsPerUnit,
    };
  });
}
