import { type Transaction, UncertainCommitError } from '../database/index.ts';
import { kindOf } from '../kinds/index.ts';
import { type Nodes, type Placement, plan, type Snapshot, type StrategyName } from '../nodes/index.ts';
import type { QueueRow } from '../queue/index.ts';
import { announceChanged, type Core } from './core.ts';
import { discard } from './discard.ts';
import { advanceTime, tagOf } from './fair/index.ts';
import { type LeasedRow, lease, type Placed } from './lease.ts';
import { createLook, type SightOptions, type SightRequest } from './snapshot.ts';
import type { Claimed } from './types.ts';

export interface ClaimOptions extends SightOptions {
  readonly nodes: Pick<Nodes, 'views' | 'speeds' | 'swaps' | 'noteLoads'>;
  readonly routingStrategy: StrategyName;
}

type Measured = Pick<Snapshot, 'speeds' | 'swaps'>;

/** Who wants to claim, and how many attempts at most. */
export type ClaimRequest = SightRequest;

const lockSlots = `
  SELECT s.node_id AS "nodeId", s.slot_no AS "slotNo"
  FROM unnest($1::uuid[], $2::int[]) AS p (node_id, slot_no) JOIN slot s USING (node_id, slot_no)
  WHERE s.task_id IS NULL ORDER BY s.node_id, s.slot_no FOR UPDATE OF s`;

const slotKey = ({ nodeId, slotNo }: Pick<Placement, 'nodeId' | 'slotNo'>): string => `${nodeId} ${slotNo}`;

/** Locks the slots of the plan, in their order, and takes the jobs that it names: those that are still to be had. */
async function take(
  { queue: boss }: Core,
  tx: Transaction,
  placements: readonly Placement[],
  queues: ReadonlyMap<string, QueueRow>,
): Promise<Placed[]> {
  const locking = tx.query<{ nodeId: string; slotNo: number }>(lockSlots, [
    placements.map(({ nodeId }) => nodeId),
    placements.map(({ slotNo }) => slotNo),
  ]);
  const wanted = placements.map((placement) => {
    const queue = queues.get(placement.queueId);
    if (!queue) throw new Error(`the plan names the queue ${placement.queueId}, which has no work`);
    return { queue, placement };
  });
  const taking = boss.take(
    tx,
    wanted.map(({ queue, placement }) => ({ queue, id: placement.jobId })),
  );
  const locked = new Set((await locking).map(slotKey));
  const jobs = new Map((await taking).map((job) => [job.id, job]));
  return wanted.flatMap(({ queue, placement }) => {
    // Nobody leases slots without the lock of the claims.
    if (!locked.has(slotKey(placement))) throw new Error('a slot of the plan was leased meanwhile');
    const job = jobs.get(placement.jobId);
    return job ? [{ queue, job, placement }] : [];
  });
}

function toClaimed(
  { queue, job, placement }: Placed,
  row: LeasedRow,
  { claimedAt, isSwap }: Pick<Claimed, 'claimedAt' | 'isSwap'>,
): Claimed {
  const { taskId, attempt, epoch, userId, input, timeoutMs, deadline, cost } = row;
  const { nodeId, slotNo } = placement;
  const { id, retryCount, trace } = job;
  return {
    lease: { taskId, attempt, nodeId, slotNo, epoch, job: { id, retryCount } },
    ...{ userId, queueId: queue.id, kind: kindOf(queue.kind).name, model: queue.model },
    ...{ input, timeoutMs, deadline, cost, isSwap, claimedAt, trace: trace ?? undefined },
  };
}

const toStart = ({ queue, job: { priority, taskPriority } }: Placed) => ({
  ...{ queueId: queue.id, priority: taskPriority, tag: tagOf(priority, taskPriority) },
});

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

/** What was fetched and may not run: the claim is taken back, and repeated without it. */
class NotDueError extends Error {
  override readonly name = 'NotDueError';
  readonly left: readonly Placed[];

  constructor(left: readonly Placed[]) {
    super('a job was fetched that may not run');
    this.left = left;
  }
}

/** What one transaction came to. */
interface Catch {
  readonly claimed: readonly Claimed[];
  /** False: a job of the plan was gone, or the plan was cut short, and there may be more to claim at once. */
  readonly isWhole: boolean;
}

const MAX_TRIES = 10;

/**
 * Takes waiting tasks and puts each on a free slot, in one transaction: the jobs that a plan names, and no
 * other. Tasks whose deadline has passed fail instead.
 */
export function createClaim(core: Core, { routingStrategy, ...options }: ClaimOptions) {
  const { nodes } = options;
  const look = createLook(core, options);
  /** What a claim was about to commit when its connection broke: nobody would run it, if it stands. */
  let uncertain: readonly Claimed[] = [];

  async function claimIn(
    tx: Transaction,
    request: ClaimRequest,
    measured: Measured,
    claimedAt: number,
  ): Promise<Catch> {
    const { workerId, limit } = request;
    const { rows: queueRows, hidesMore, ...sight } = await look(tx, request);
    const recovered = await findLeased(tx, workerId, uncertain);
    if (recovered.length > 0) return { claimed: recovered, isWhole: false };
    const placements =
      sight.queues.length === 0 ? [] : plan({ ...sight, ...measured, limit }, routingStrategy);
    if (placements.length === 0) return { claimed: [], isWhole: true };

    const placed = await take(core, tx, placements, queueRows);
    // Whoever got as many as he asked for asks again by himself.
    const isCut = placements.length < limit && hidesMore(placements);
    const isWhole = placed.length === placements.length && !isCut;
    if (placed.length === 0) return { claimed: [], isWhole };
    const rows = await lease(tx, core.shard(tx), { workerId, placed });
    const byTask = new Map(rows.map((row) => [row.taskId, row]));
    const left = placed.filter(({ job }) => !byTask.has(job.taskId));
    if (left.length > 0) throw new NotDueError(left);
    void advanceTime(tx, placed.map(toStart));
    const isSwap = await nodes.noteLoads(
      tx,
      sight.nodes,
      placed.map(({ queue, placement }) => ({ nodeId: placement.nodeId, model: queue.model })),
    );
    const claimed = placed.flatMap((one, n) => {
      const row = byTask.get(one.job.taskId);
      return row ? [toClaimed(one, row, { claimedAt, isSwap: isSwap[n] === true })] : [];
    });
    return { claimed, isWhole };
  }

  async function claimOnce(request: ClaimRequest): Promise<Catch> {
    const [speeds, swaps] = await Promise.all([nodes.speeds(), nodes.swaps()]);
    const claimedAt = performance.now();
    let caught: Catch = { claimed: [], isWhole: true };
    try {
      await core.database.lanes.transact(async (tx) => {
        caught = await claimIn(tx, request, { speeds, swaps }, claimedAt);
      });
    } catch (error) {
      if (error instanceof UncertainCommitError) uncertain = [...uncertain, ...caught.claimed];
      throw error;
    }
    uncertain = [];
    for (const { lease, userId } of caught.claimed) {
      core.carrier.announce({ type: 'task', id: lease.taskId, userId });
    }
    return caught;
  }

  /**
   * @returns what was claimed: nothing where no task can start now
   * @throws WorkerLostError where the worker has no lease
   */
  return async function claim(request: ClaimRequest): Promise<readonly Claimed[]> {
    if (request.limit < 1) return [];
    for (let tries = 1; ; tries++) {
      try {
        const { claimed, isWhole } = await claimOnce(request);
        if (isWhole || tries === MAX_TRIES) return claimed;
        if (claimed.length > 0) {
          // What was claimed has to start, and the places that are left have to be found soon.
          core.carrier.announce({ type: 'slots' });
          return claimed;
        }
      } catch (error) {
        if (!(error instanceof NotDueError)) throw error;
        announceChanged(core, await discard(core, error.left));
        if (tries === MAX_TRIES) return [];
      }
    }
  };
}
