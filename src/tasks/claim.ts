import { type Transaction, UncertainCommitError } from '../database/index.ts';
import { kindOf } from '../kinds/index.ts';
import { type Nodes, type Placement, plan, type Snapshot, type StrategyName } from '../nodes/index.ts';
import type { FetchedJob } from '../queue/index.ts';
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

/** What became of a plan's jobs. */
interface Taken {
  /** Those that were to be had, by their ids. */
  readonly jobs: ReadonlyMap<string, FetchedJob>;
  /** Those of them that were leased, by their tasks. */
  readonly rows: ReadonlyMap<string, LeasedRow>;
}

/** Locks the slots of the plan, takes its jobs and starts their attempts, in the order of locks and in one trip. */
async function take(
  core: Core,
  tx: Transaction,
  workerId: string,
  placed: readonly Placed[],
): Promise<Taken> {
  const locking = tx.query<{ nodeId: string; slotNo: number }>(lockSlots, [
    placed.map(({ placement }) => placement.nodeId),
    placed.map(({ placement }) => placement.slotNo),
  ]);
  const taking = core.queue.take(
    tx,
    placed.map(({ head: { queue, jobId } }) => ({ queue, id: jobId })),
  );
  const leasing = lease(tx, core.shard(tx), { workerId, placed });
  const [slots, jobs, rows] = await Promise.all([locking, taking, leasing]);
  const locked = new Set(slots.map(slotKey));
  // Nobody leases slots without the lock of the claims.
  if (!placed.every(({ placement }) => locked.has(slotKey(placement)))) {
    throw new Error('a slot of the plan was leased meanwhile');
  }
  return {
    jobs: new Map(jobs.map((job) => [job.id, job])),
    rows: new Map(rows.map((row) => [row.taskId, row])),
  };
}

function toClaimed(
  { head: { queue }, placement }: Placed,
  { job, row }: { readonly job: FetchedJob; readonly row: LeasedRow },
  { claimedAt, isSwap }: Pick<Claimed, 'claimedAt' | 'isSwap'>,
): Claimed {
  const { taskId, attempt, epoch, userId, input, texts, timeoutMs, deadline, cost } = row;
  const { nodeId, slotNo } = placement;
  const { id, retryCount, trace } = job;
  return {
    lease: { taskId, attempt, nodeId, slotNo, epoch, job: { id, retryCount } },
    ...{ userId, queueId: queue.id, kind: kindOf(queue.kind).name, model: queue.model },
    ...{ input, texts, timeoutMs, deadline, cost, isSwap, claimedAt, trace: trace ?? undefined },
  };
}

const toStart = ({ head: { queue, priority, taskPriority } }: Placed) => ({
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
    const { heads, hidesMore, ...sight } = await look(tx, request);
    const recovered = await findLeased(tx, workerId, uncertain);
    if (recovered.length > 0) return { claimed: recovered, isWhole: false };
    const placements =
      sight.queues.length === 0 ? [] : plan({ ...sight, ...measured, limit }, routingStrategy);
    if (placements.length === 0) return { claimed: [], isWhole: true };

    const planned = placements.map((placement): Placed => {
      const head = heads.get(placement.jobId);
      if (!head) throw new Error(`the plan names the job ${placement.jobId}, which does not wait`);
      return { head, placement };
    });
    const { jobs, rows } = await take(core, tx, workerId, planned);
    const placed = planned.filter(({ head }) => jobs.has(head.jobId));
    const left = placed.filter(({ head }) => !rows.has(head.taskId));
    // What was not to be had has no task that waits for it: leased without its job it would run unfenced.
    if (left.length > 0 || rows.size > placed.length) throw new NotDueError(left);
    // Whoever got as many as he asked for asks again by himself.
    const isCut = placements.length < limit && hidesMore(placements);
    const isWhole = placed.length === placements.length && !isCut;
    if (placed.length === 0) return { claimed: [], isWhole };
    void advanceTime(tx, placed.map(toStart));
    const isSwap = await nodes.noteLoads(
      tx,
      sight.nodes,
      placed.map(({ head, placement }) => ({ nodeId: placement.nodeId, model: head.queue.model })),
    );
    const claimed = placed.flatMap((one, n) => {
      const job = jobs.get(one.head.jobId);
      const row = rows.get(one.head.taskId);
      return job && row ? [toClaimed(one, { job, row }, { claimedAt, isSwap: isSwap[n] === true })] : [];
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
    // In the next turn: what was claimed goes to its node before anybody reads that it has started.
    setImmediate(() => {
      for (const { lease, userId } of caught.claimed) {
        core.carrier.announce({ type: 'task', id: lease.taskId, userId });
      }
    });
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
