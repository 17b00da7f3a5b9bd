import type { Transaction } from '../../database/index.ts';
import { kindOf } from '../../kinds/index.ts';
import type { MeasuredSpeed, Nodes, StrategyName, SwapView } from '../../nodes/index.ts';
import type { Core } from '../core.ts';
import { countTasks } from '../counts.ts';
import { createWaitingReader, type WaitingOptions } from '../waiting.ts';
import { createPaces } from './paces.ts';
import type { Head } from './reason.ts';
import { remaining } from './running.ts';
import type { BusySlot, Paces, Situation } from './types.ts';

/** A situation, and when it was so. */
export interface Observed {
  readonly situation: Situation;
  /** Milliseconds of the database's clock. */
  readonly at: number;
  /** By queue. */
  readonly heads: ReadonlyMap<string, readonly Head[]>;
}

export interface ObserveOptions extends WaitingOptions {
  readonly nodes: Pick<Nodes, 'views' | 'speeds' | 'swaps'>;
  readonly strategy: StrategyName;
}

const selectBusy = `
  SELECT s.node_id AS "nodeId", s.slot_no AS "slotNo", t.user_id AS "userId", t.kind, t.model, t.cost::float8 AS cost,
    t.progress, extract(epoch FROM statement_timestamp() - s.leased_at)::float8 AS elapsed,
    extract(epoch FROM s.held_until - s.leased_at)::float8 AS expected,
    extract(epoch FROM s.held_until - statement_timestamp())::float8 AS held
  FROM slot s LEFT JOIN task t ON t.id = s.task_id
  WHERE s.task_id IS NOT NULL OR s.held_until > statement_timestamp()`;

interface BusyRow {
  readonly [column: string]: unknown;
  readonly nodeId: string;
  readonly slotNo: number;
  /** These are null where the slot cools down, or its task was deleted. */
  readonly userId: string | null;
  readonly kind: string | null;
  readonly model: string | null;
  readonly cost: number | null;
  readonly progress: number | null;
  readonly elapsed: number | null;
  readonly expected: number | null;
  readonly held: number | null;
}

const selectWorkers = `
  SELECT (extract(epoch FROM statement_timestamp()) * 1000)::float8 AS at,
    coalesce(sum(concurrency) FILTER (WHERE lease_until > statement_timestamp()), 0)::int AS places
  FROM worker`;

function toBusy(row: BusyRow, paces: Paces): BusySlot {
  const { nodeId, slotNo, userId, kind, model, cost, progress } = row;
  const guess = Math.abs(row.held ?? 0);
  if (userId === null || kind === null || model === null || cost === null) {
    return { nodeId, slotNo, guess, left: { seconds: guess, variance: 0, bias: 0 }, job: null };
  }
  const pace = paces(nodeId, { kind, model, secondsPerUnit: kindOf(kind).secondsPerUnit });
  const run = { elapsedSeconds: row.elapsed ?? 0, expectedSeconds: row.expected ?? 0, cost, progress };
  return { nodeId, slotNo, guess, left: pace && remaining(run, pace), job: { userId, kind, model } };
}

/** Reads what a claim would plan from now, and what lies behind that. Locks nothing. */
export function createObserve(core: Core, { nodes, strategy, ...options }: ObserveOptions) {
  const reader = createWaitingReader(core, options);

  async function observeIn(
    tx: Transaction,
    { speeds, swaps }: { speeds: readonly MeasuredSpeed[]; swaps: readonly SwapView[] },
  ): Promise<Observed> {
    const limited = reader.running(tx);
    const [views, heads, pins, running, busyRows, [workers]] = await Promise.all([
      nodes.views(tx),
      reader.heads(tx, limited),
      reader.pins(tx),
      limited,
      tx.query<BusyRow>(selectBusy),
      tx.query<{ at: number; places: number }>(selectWorkers),
    ]);
    const { at, places } = workers ?? { at: 0, places: 0 };
    const byQueue = Map.groupBy(heads, ({ queue }) => queue.id);
    const [waiting, counts] = await Promise.all([
      reader.waiting(tx, { now: at, heads, pins, running }),
      countTasks(tx, [...byQueue.keys()]),
    ]);
    const free = new Set(views.flatMap(({ id, freeSlots }) => freeSlots.map((no) => `${id} ${no}`)));
    const paces = createPaces(views, speeds);
    const busy = busyRows
      .filter(({ nodeId, slotNo }) => !free.has(`${nodeId} ${slotNo}`))
      .map((row) => toBusy(row, paces));
    const active = busy.filter(({ job }) => job !== null).length;
    return {
      at,
      situation: {
        ...{ nodes: views, busy, speeds, swaps, strategy, ...waiting },
        behind: new Map(
          [...byQueue].map(([id, first]) => [id, Math.max(0, (counts.get(id)?.queued ?? 0) - first.length)]),
        ),
        fullUsers: new Set(reader.fullUsers(running)),
        room: Math.max(0, places - active),
      },
      heads: new Map(
        [...byQueue].map(([id, first]) => [
          id,
          first.map(({ jobId, userId, taskPriority, createdAt }) => ({
            ...{ jobId, userId, priority: taskPriority, queuedAt: createdAt.getTime() },
          })),
        ]),
      ),
    };
  }

  return async function observe(): Promise<Observed> {
    const [speeds, swaps] = await Promise.all([nodes.speeds(), nodes.swaps()]);
    return core.database.lanes.transact((tx) => observeIn(tx, { speeds, swaps }), { durable: false });
  };
}
