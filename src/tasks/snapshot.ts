import type { Tiers } from '../accounts/index.ts';
import type { Transaction } from '../database/index.ts';
import { kindOf } from '../kinds/index.ts';
import type { LimitsView, Nodes, NodeView, Placement, QueueView } from '../nodes/index.ts';
import type { QueueHead, QueueRow } from '../queue/index.ts';
import type { Core } from './core.ts';
import { isUrgentPlace, leadOf, readTurns, type Turns, turnTags } from './fair/index.ts';
import {
  type ConcurrencyLimits,
  fullUsers,
  modelRoom,
  type Running,
  readRunning,
  userRoom,
} from './limits.ts';
import { readPins } from './remote-jobs.ts';

/** Of the advisory lock that claims wait for: one plans at a time, and from what the one before left. */
const CLAIM_LOCK = 0x5717_c1a1;

/**
 * Heads that are read of each queue, however few the worker takes: where one had better wait for a fast node
 * depends on how many others do. What is behind them is left to the next claim.
 */
const MAX_HEADS = 64;

/** The worker that wants to claim has lost its lease, or never joined. */
export class WorkerLostError extends Error {
  override readonly name = 'WorkerLostError';

  constructor(workerId: string) {
    super(`the worker ${workerId} has no lease: join again`);
  }
}

/** Waits until no claim is under way, and lets none begin. */
export const lockClaims = (tx: Transaction): Promise<unknown> =>
  tx.query('SELECT pg_advisory_xact_lock($1)', [CLAIM_LOCK]);

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
  readonly rows: ReadonlyMap<string, QueueRow>;
  /** Whether there is, behind what was read, what could start once these placements are made. */
  hidesMore(placements: readonly Placement[]): boolean;
}

export interface SightOptions {
  readonly nodes: Pick<Nodes, 'views'>;
  readonly tiers: Tiers;
  readonly limits: ConcurrencyLimits;
}

export interface SightRequest {
  readonly workerId: string;
  readonly limit: number;
  /** How many more of a kind the worker takes; what is left out has no limit of its own. */
  readonly kinds?: ReadonlyMap<string, number>;
}

/** How a claim sees what there is. */
export function createLook(core: Core, { nodes, tiers, limits }: SightOptions) {
  const isUserLimited = Object.values(tiers).some(({ concurrency }) => concurrency !== null);
  const isLimited = isUserLimited || Object.keys({ ...limits.kinds, ...limits.models }).length > 0;

  /** Heads of users who may start something: those of the others would hide them. */
  async function readHeads(tx: Transaction, running: Promise<Running[]>): Promise<QueueHead[]> {
    if (!isUserLimited) return core.queue.heads(tx, MAX_HEADS);
    return core.queue.heads(tx, MAX_HEADS, fullUsers(await running, tiers));
  }

  /**
   * Waits until no other claim is under way, and reads everything that a plan depends on as it is then.
   * @throws WorkerLostError
   */
  return async function look(tx: Transaction, request: SightRequest): Promise<Sight> {
    const { workerId, kinds: workerKinds = new Map() } = request;
    void lockClaims(tx);
    const limited = isLimited ? readRunning(tx) : Promise.resolve([]);
    const [[worker], views, heads] = await Promise.all([
      tx.query<{ now: number }>(selectWorker, [workerId]),
      nodes.views(tx),
      readHeads(tx, limited),
    ]);
    if (!worker) throw new WorkerLostError(workerId);
    const { now } = worker;
    const running = await limited;
    const room = modelRoom(running, { limits, workerKinds });
    const rows = new Map(heads.map(({ queue }) => [queue.id, queue]));
    const sight = { now, nodes: views, rows, hidesMore: () => false };
    const isIdle = heads.length === 0 || views.every(({ freeSlots }) => freeSlots.length === 0);
    if (isIdle) return { ...sight, queues: [], limits: room };

    const userIds = [...new Set(heads.map(({ userId }) => userId))];
    const [pins, turns, users] = await Promise.all([
      readPins(
        tx,
        heads.map(({ taskId }) => taskId),
      ),
      // Within one queue its own order is all that there is to say.
      rows.size > 1 ? readTurns(tx, { queueIds: [...rows.keys()], userIds }) : null,
      isUserLimited ? userRoom(tx, running, { tiers, userIds }) : new Map<string, number>(),
    ]);
    const queues = queueViews(core, { now, rows, heads, pins, turns });
    return {
      ...sight,
      queues,
      limits: { ...room, users },
      hidesMore: (placements) => hidesMore(placements, { queues, users }),
    };
  };
}

interface Seen {
  readonly queues: readonly QueueView[];
  readonly users: ReadonlyMap<string, number>;
}

/** Where all that was read of a longer queue starts, or fills up its user's room, others are behind it. */
function hidesMore(placements: readonly Placement[], { queues, users }: Seen): boolean {
  const starting = new Set(placements.map(({ jobId }) => jobId));
  const starts = new Map<string, number>();
  for (const { id, userId } of queues.flatMap(({ heads }) => heads)) {
    if (starting.has(id)) starts.set(userId, (starts.get(userId) ?? 0) + 1);
  }
  const isFull = (userId: string): boolean =>
    starts.has(userId) && (starts.get(userId) ?? 0) >= (users.get(userId) ?? Number.POSITIVE_INFINITY);
  return queues.some(
    ({ heads }) =>
      heads.length >= MAX_HEADS && heads.every(({ id, userId }) => starting.has(id) || isFull(userId)),
  );
}

interface Read {
  readonly now: number;
  readonly rows: ReadonlyMap<string, QueueRow>;
  readonly heads: readonly QueueHead[];
  readonly pins: ReadonlyMap<string, string>;
  readonly turns: Turns | null;
}

function queueViews({ shares }: Core, { now, rows, heads, pins, turns }: Read): QueueView[] {
  const byQueue = Map.groupBy(heads, ({ queue }) => queue.id);
  return [...rows.values()].map((row) => {
    const { id, kind, model } = row;
    const first = byQueue.get(id) ?? [];
    const since = Math.max(turns?.servedAt.get(id) ?? 0, first[0]?.createdAt.getTime() ?? now);
    const tags = turnTags(
      first.map(({ userId, cost, taskPriority }) => ({
        ...{ userId, seconds: shares.expect(row, cost), leadSeconds: leadOf(taskPriority) },
      })),
      turns?.loads ?? new Map(),
      Math.max(0, now - since) / 1_000,
    );
    return {
      ...{ id, kind, model },
      heads: first.map(({ jobId, taskId, userId, cost, priority, createdAt }, n) => {
        const nodeId = pins.get(taskId);
        return {
          ...{ id: jobId, userId, cost, createdAt: createdAt.getTime() },
          ...{ band: isUrgentPlace(priority) ? 1 : 0, tag: tags[n] ?? 0 },
          ...(nodeId === undefined ? {} : { nodeId }),
        };
      }),
      secondsPerUnit: kindOf(kind).secondsPerUnit,
    };
  });
}
