import type { Tiers } from '../accounts/index.ts';
import type { Transaction } from '../database/index.ts';
import { kindOf } from '../kinds/index.ts';
import type { LimitsView, NodeView, QueueView } from '../nodes/index.ts';
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

/**
 * Heads that are read of each queue, however few the worker takes: where one had better wait for a fast node
 * depends on how many others do.
 */
const MIN_HEADS = 64;

/** As many as the nodes have slots, or more: one plan can fill them all. */
export const headsFor = (nodes: readonly NodeView[]): number =>
  nodes.reduce(
    (slots, { freeSlots, busyForSeconds }) => slots + freeSlots.length + busyForSeconds.length,
    MIN_HEADS,
  );

/** What waits, as far as the planner sees it. */
export interface Waiting {
  readonly queues: readonly QueueView[];
  readonly limits: LimitsView;
}

/** Reads what a plan is made from, but for the nodes. */
export interface WaitingReader {
  /** What runs, where a limit asks for it. */
  running(tx: Transaction): Promise<readonly Running[]>;
  /** Of whose tasks as many run as may. */
  fullUsers(running: readonly Running[]): readonly string[];
  /** So many of each queue, of users who may start something: those of the others would hide them. */
  heads(tx: Transaction, running: Promise<readonly Running[]>, most?: number): Promise<QueueHead[]>;
  /** Of the tasks that may run on one node only: which. */
  pins(tx: Transaction): Promise<ReadonlyMap<string, string>>;
  /** What is known only once the heads are: sends nothing where there is one queue and no limit for users. */
  waiting(tx: Transaction, seen: Seen): Promise<Waiting>;
}

export interface Seen {
  /** Of the database's clock, in milliseconds. */
  readonly now: number;
  readonly heads: readonly QueueHead[];
  readonly pins: ReadonlyMap<string, string>;
  readonly running: readonly Running[];
  /** How many more of a kind the worker takes; what is left out has no limit of its own. */
  readonly workerKinds?: ReadonlyMap<string, number>;
}

export interface WaitingOptions {
  readonly tiers: Tiers;
  readonly limits: ConcurrencyLimits;
}

export function createWaitingReader(core: Core, { tiers, limits }: WaitingOptions): WaitingReader {
  const isUserLimited = Object.values(tiers).some(({ concurrency }) => concurrency !== null);
  const isLimited = isUserLimited || Object.keys({ ...limits.kinds, ...limits.models }).length > 0;

  return {
    running: async (tx) => (isLimited ? readRunning(tx) : []),
    fullUsers: (running) => fullUsers(running, tiers),
    async heads(tx, running, most = MIN_HEADS) {
      if (!isUserLimited) return core.queue.heads(tx, most);
      return core.queue.heads(tx, most, fullUsers(await running, tiers));
    },
    pins: readPins,
    async waiting(tx, { now, heads, pins, running, workerKinds = new Map() }) {
      const queueIds = [...new Set(heads.map(({ queue }) => queue.id))];
      const userIds = [...new Set(heads.map(({ userId }) => userId))];
      const [turns, users] = await Promise.all([
        // Within one queue its own order is all that there is to say.
        queueIds.length > 1 ? readTurns(tx, { queueIds, userIds }) : null,
        isUserLimited ? userRoom(tx, running, { tiers, userIds }) : new Map<string, number>(),
      ]);
      return {
        queues: queueViews(core, { now, heads, pins, turns }),
        limits: { ...modelRoom(running, { limits, workerKinds }), users },
      };
    },
  };
}

interface Read {
  readonly now: number;
  readonly heads: readonly QueueHead[];
  readonly pins: ReadonlyMap<string, string>;
  readonly turns: Turns | null;
}

function queueViews(core: Core, read: Read): QueueView[] {
  const byQueue = Map.groupBy(read.heads, ({ queue }) => queue.id);
  return [...byQueue.values()].flatMap((heads) =>
    heads[0] ? [queueView(core, heads[0].queue, { ...read, heads })] : [],
  );
}

function queueView({ shares }: Core, row: QueueRow, { now, heads, pins, turns }: Read): QueueView {
  const { id, kind, model } = row;
  const since = Math.max(turns?.servedAt.get(id) ?? 0, heads[0]?.createdAt.getTime() ?? now);
  const tags = turnTags(
    heads.map(({ userId, cost, taskPriority }) => ({
      ...{ userId, seconds: shares.expect(row, cost), leadSeconds: leadOf(taskPriority) },
    })),
    turns?.loads ?? new Map(),
    Math.max(0, now - since) / 1_000,
  );
  return {
    ...{ id, kind, model },
    heads: heads.map(({ jobId, taskId, userId, cost, priority, createdAt }, n) => {
      const nodeId = pins.get(taskId);
      return {
        ...{ id: jobId, userId, cost, createdAt: createdAt.getTime() },
        ...{ band: isUrgentPlace(priority) ? 1 : 0, tag: tags[n] ?? 0 },
        ...(nodeId === undefined ? {} : { nodeId }),
      };
    }),
    secondsPerUnit: kindOf(kind).secondsPerUnit,
  };
}
