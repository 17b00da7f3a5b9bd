import type { Transaction } from '../database/index.ts';
import type { LimitsView, Nodes, NodeView, Placement, QueueView } from '../nodes/index.ts';
import type { QueueHead } from '../queue/index.ts';
import { lockClaims } from './claim-lock.ts';
import type { Core } from './core.ts';
import { createWaitingReader, headsFor, type WaitingOptions } from './waiting.ts';

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
  readonly limits: LimitsView;
  /** By the ids of their jobs. */
  readonly heads: ReadonlyMap<string, QueueHead>;
  /** Whether there is, behind what was read, what could start once these placements are made. */
  hidesMore(placements: readonly Placement[]): boolean;
}

export interface SightOptions extends WaitingOptions {
  readonly nodes: Pick<Nodes, 'views'>;
}

export interface SightRequest {
  readonly workerId: string;
  readonly limit: number;
  /** How many more of a kind the worker takes; what is left out has no limit of its own. */
  readonly kinds?: ReadonlyMap<string, number>;
}

/** How a claim sees what there is. */
export function createLook(core: Core, { nodes, ...options }: SightOptions) {
  const reader = createWaitingReader(core, options);
  /** By the slots that there were last time: what is behind them is left to the next claim. */
  let mostHeads = headsFor([]);

  /**
   * Waits until no other claim is under way, and reads everything that a plan depends on as it is then.
   * @throws WorkerLostError
   */
  return async function look(tx: Transaction, request: SightRequest): Promise<Sight> {
    const { workerId, kinds: workerKinds = new Map() } = request;
    const most = mostHeads;
    void lockClaims(tx);
    const limited = reader.running(tx);
    const [[worker], views, heads, pins, running] = await Promise.all([
      tx.query<{ now: number }>(selectWorker, [workerId]),
      nodes.views(tx),
      reader.heads(tx, limited, most),
      reader.pins(tx),
      limited,
    ]);
    if (!worker) throw new WorkerLostError(workerId);
    mostHeads = headsFor(views);
    const { now } = worker;
    const sight = { now, nodes: views, heads: new Map(heads.map((head) => [head.jobId, head])) };
    const isIdle = heads.length === 0 || views.every(({ freeSlots }) => freeSlots.length === 0);
    if (isIdle) return { ...sight, queues: [], limits: {}, hidesMore: () => false };
    const { queues, limits } = await reader.waiting(tx, { now, heads, pins, running, workerKinds });
    const users = limits.users ?? new Map();
    return {
      ...sight,
      queues,
      limits,
      hidesMore: (placements) => hidesMore(placements, { queues, users, most }),
    };
  };
}

interface Seen {
  readonly queues: readonly QueueView[];
  /** How many heads of each were read. */
  readonly most: number;
  readonly users: ReadonlyMap<string, number>;
}

/** Where all that was read of a longer queue starts, or fills up its user's room, others are behind it. */
function hidesMore(placements: readonly Placement[], { queues, users, most }: Seen): boolean {
  const starting = new Set(placements.map(({ jobId }) => jobId));
  const starts = new Map<string, number>();
  for (const { id, userId } of queues.flatMap(({ heads }) => heads)) {
    if (starting.has(id)) starts.set(userId, (starts.get(userId) ?? 0) + 1);
  }
  const isFull = (userId: string): boolean =>
    starts.has(userId) && (starts.get(userId) ?? 0) >= (users.get(userId) ?? Number.POSITIVE_INFINITY);
  return queues.some(
    ({ heads }) =>
      heads.length >= most && heads.every(({ id, userId }) => starting.has(id) || isFull(userId)),
  );
}
