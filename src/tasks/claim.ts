import { type Transaction, UncertainCommitError } from '../database/index.ts';
import { type KindName, kindOf } from '../kinds/index.ts';
import {
  type Nodes,
  type NodeView,
  type Placement,
  plan,
  type QueueView,
  type SpeedView,
  type StrategyName,
} from '../nodes/index.ts';
import type { FetchedJob, QueueHead, QueueRow } from '../queue/index.ts';
import type { Changed } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { type Counts, countTasks, noCounts } from './counts.ts';
import { discard } from './discard.ts';
import { type LeasedRow, lease, type Placed } from './lease.ts';
import type { Claimed } from './types.ts';

/** Of the advisory lock that claims wait for: one plans at a time, and from what the one before left. */
const CLAIM_LOCK = 0x5717_c1a1;

/** Heads that are read of each queue: what is behind them is planned as if it were like the last. */
const MAX_HEADS = 64;

export interface ClaimOptions {
  readonly nodes: Pick<Nodes, 'views' | 'speeds'>;
  readonly routingStrategy: StrategyName;
}

export interface ClaimRequest {
  readonly workerId: string;
  /** How many attempts at most. */
  readonly limit: number;
}

/** The worker that wants to claim has lost its lease, or never joined. */
export class WorkerLostError extends Error {
  override readonly name = 'WorkerLostError';

  constructor(workerId: string) {
    super(`the worker ${workerId} has no lease: join again`);
  }
}

// KEY SHARE, so that nobody takes the worker for lost, and its slots with it, before this commits.
const selectWorker = `
  SELECT id FROM worker WHERE id = $1 AND lease_until > statement_timestamp() FOR KEY SHARE`;

const lockSlots = `
  SELECT s.node_id AS "nodeId", s.slot_no AS "slotNo"
  FROM unnest($1::uuid[], $2::int[]) AS p (node_id, slot_no) JOIN slot s USING (node_id, slot_no)
  WHERE s.task_id IS NULL ORDER BY s.node_id, s.slot_no FOR UPDATE OF s`;

interface View {
  readonly nodes: readonly NodeView[];
  readonly heads: readonly QueueHead[];
  readonly counts: ReadonlyMap<string, Counts>;
}

/** Everything that a plan depends on, as it is once no other claim is under way. */
async function look(
  core: Core,
  tx: Transaction,
  nodes: ClaimOptions['nodes'],
  request: ClaimRequest,
): Promise<View> {
  void tx.query('SELECT pg_advisory_xact_lock($1)', [CLAIM_LOCK]);
  const [workers, views, heads] = await Promise.all([
    tx.query(selectWorker, [request.workerId]),
    nodes.views(tx),
    core.queue.heads(tx, Math.min(MAX_HEADS, request.limit)),
  ]);
  if (workers.length === 0) throw new WorkerLostError(request.workerId);
  const isIdle = heads.length === 0 || views.every(({ freeSlots }) => freeSlots.length === 0);
  if (isIdle) return { nodes: views, heads: [], counts: new Map() };
  const counts = await countTasks(tx, [...new Set(heads.map(({ queue }) => queue.id))]);
  return { nodes: views, heads, counts };
}

function queueViews({ heads, counts }: View): QueueView[] {
  return [...Map.groupBy(heads, ({ queue }) => queue.id)].flatMap(([id, group]) => {
    const queue = group[0]?.queue;
    if (!queue) return [];
    const { queued } = counts.get(id) ?? noCounts;
    return {
      id,
      kind: queue.kind,
      model: queue.model,
      waiting: Math.max(queued, group.length),
      heads: group.map(({ userId, cost, priority, createdAt }) => ({
        userId,
        cost,
        priority,
        createdAt: createdAt.getTime(),
      })),
      secondsPerUnit: kindOf(queue.kind).secondsPerUnit,
    };
  });
}

/** Locks the slots of the plan, in their order, and takes as many jobs out of each queue as it has placements. */
async function fetch(
  core: Core,
  tx: Transaction,
  placements: readonly Placement[],
  queues: Map<string, QueueRow>,
) {
  const locking = tx.query<{ nodeId: string; slotNo: number }>(lockSlots, [
    placements.map(({ nodeId }) => nodeId),
    placements.map(({ slotNo }) => slotNo),
  ]);
  const byQueue = [...Map.groupBy(placements, ({ queueId }) => queueId)].sort(([a], [b]) => (a < b ? -1 : 1));
  const fetching: { queue: QueueRow; placements: Placement[]; answer: Promise<FetchedJob[]> }[] = [];
  for (const [id, group] of byQueue) {
    const queue = queues.get(id);
    if (!queue) throw new Error(`the plan names the queue ${id}, which has no work`);
    fetching.push({ queue, placements: group, ...(await core.queue.fetch(tx, queue, group.length)) });
  }
  const slotKey = ({ nodeId, slotNo }: { nodeId: string; slotNo: number }): string => `${nodeId} ${slotNo}`;
  const locked = new Set((await locking).map(slotKey));
  const placed: Placed[] = [];
  for (const { queue, placements: group, answer } of fetching) {
    const jobs = await answer;
    for (const [n, job] of jobs.entries()) {
      const placement = group[n];
      if (!placement || !locked.has(slotKey(placement))) {
        // Nobody else leases slots while this claim has its lock.
        throw new Error('a slot of the plan was leased meanwhile');
      }
      placed.push({ queue, job, placement });
    }
  }
  return placed;
}

function expectedSeconds(speeds: readonly SpeedView[], { queue, placement }: Placed): number {
  const { kind, model } = queue;
  const own = speeds.find((s) => s.nodeId === placement.nodeId && s.kind === kind && s.model === model);
  return own?.secondsPerUnit ?? kindOf(kind).secondsPerUnit;
}

const selectLeased = `
  SELECT a.task_id AS "taskId", a.number AS attempt
  FROM unnest($2::uuid[], $3::int[]) AS l (task_id, number) JOIN task_attempt a USING (task_id, number)
  WHERE a.worker_id = $1 AND a.outcome = 'RUNNING'`;

/** Those that this worker has indeed been leased. */
async function findLeased(
  tx: Transaction,
  workerId: string,
  claimed: readonly Claimed[],
): Promise<Claimed[]> {
  if (claimed.length === 0) return [];
  const rows = await tx.query<{ taskId: string; attempt: number }>(selectLeased, [
    workerId,
    claimed.map(({ lease }) => lease.taskId),
    claimed.map(({ lease }) => lease.attempt),
  ]);
  const leased = new Set(rows.map(({ taskId, attempt }) => `${taskId} ${attempt}`));
  return claimed.filter(({ lease: { taskId, attempt } }) => leased.has(`${taskId} ${attempt}`));
}

function toClaimed({ queue, job, placement }: Placed, row: LeasedRow, claimedAt: number): Claimed {
  const { nodeId, slotNo } = placement;
  return {
    lease: {
      taskId: row.taskId,
      attempt: row.attempt,
      nodeId,
      slotNo,
      epoch: row.epoch,
      job: { id: job.id, retryCount: job.retryCount },
    },
    userId: row.userId,
    queueId: queue.id,
    kind: kindOf(queue.kind).name as KindName,
    model: queue.model,
    input: row.input,
    timeoutMs: row.timeoutMs,
    deadline: row.deadline,
    cost: row.cost,
    claimedAt,
  };
}

/**
 * Takes waiting tasks and puts each on a free slot, in one transaction: the jobs that a plan names, and no
 * other. Tasks whose deadline has passed fail instead, and cost their slot nothing.
 */
export function createClaim(core: Core, { nodes, routingStrategy }: ClaimOptions) {
  interface Result {
    readonly claimed: Claimed[];
    readonly changed: Changed[];
  }

  /** What a claim was about to commit when its connection broke: nobody would run it, if it stands. */
  const uncertain: Claimed[] = [];

  async function claimIn(
    tx: Transaction,
    request: ClaimRequest,
    speeds: readonly SpeedView[],
    claimedAt: number,
  ): Promise<Result> {
    const view = await look(core, tx, nodes, request);
    const recovered = await findLeased(tx, request.workerId, uncertain);
    if (recovered.length > 0) return { claimed: recovered, changed: [] };
    const queues = new Map(view.heads.map(({ queue }) => [queue.id, queue]));
    const snapshot = { nodes: view.nodes, queues: queueViews(view), speeds, limit: request.limit };
    const placements = queues.size === 0 ? [] : plan(snapshot, routingStrategy);
    if (placements.length === 0) return { claimed: [], changed: [] };

    const placed = await fetch(core, tx, placements, queues);
    const rows = await lease(tx, core.shard(tx), {
      workerId: request.workerId,
      placed,
      secondsPerUnit: placed.map((one) => expectedSeconds(speeds, one)),
    });
    const byTask = new Map(rows.map((row) => [row.taskId, row]));
    const left = placed.filter(({ job }) => !byTask.has(job.taskId));
    const changed = left.length === 0 ? [] : await discard(core, tx, left);
    const claimed = placed.flatMap((one) => {
      const row = byTask.get(one.job.taskId);
      return row ? [toClaimed(one, row, claimedAt)] : [];
    });
    return { claimed, changed };
  }

  /**
   * @returns what was claimed: nothing where no task can start now
   * @throws WorkerLostError where the worker has no lease
   */
  return async function claim(request: ClaimRequest): Promise<Claimed[]> {
    if (request.limit < 1) return [];
    const speeds = await nodes.speeds();
    const claimedAt = performance.now();
    let result: Result = { claimed: [], changed: [] };
    try {
      await core.database.lanes.transact(async (tx) => {
        result = await claimIn(tx, request, speeds, claimedAt);
      });
    } catch (error) {
      if (error instanceof UncertainCommitError) uncertain = [...uncertain, ...result.claimed];
      throw error;
    }
    uncertain = [];
    const { claimed, changed } = result;
    announceChanged(core, changed);
    for (const {
      lease: { taskId },
      userId,
    } of claimed)
      core.carrier.announce({ type: 'task', id: taskId, userId });
    return claimed;
  };
}
