import { offersModel } from './offers.ts';
import { createSpeeds } from './speeds.ts';
import type { Option } from './strategies/strategy.ts';
import { createSwaps } from './swaps.ts';
import type { HeadView, NodeView, QueueView, Snapshot } from './types.ts';

/** A node as it fills up. */
interface Row {
  readonly id: string;
  readonly slots: number;
  offers(queue: QueueView): boolean;
  /** Ascending. */
  readonly free: number[];
  /** Seconds until each other slot is free, ascending. */
  readonly busy: number[];
  /** The least recently used first; null where no swap is reckoned with. */
  loaded: readonly string[] | null;
  /** How many models it holds at once. */
  readonly room: number;
  lastLeasedAt: number;
}

/** A node as the jobs of one queue see it. */
export interface Lane extends Option {
  readonly row: Row;
  readonly model: string;
  readonly secondsPerUnit: number;
  readonly secondsPerSwap: number;
  isFree: boolean;
  startsInSeconds: number;
  swapSeconds: number;
  runSeconds: number;
  isWanted: boolean;
  busySlots: number;
  lastLeasedAt: number;
}

/** The nodes as they fill up while a plan is made. */
export interface Board {
  /** How many slots are free. */
  readonly free: number;
  /** Seconds per unit of the queue's work on the fastest node that offers its model; 0 where none does. */
  fastest(queue: QueueView): number;
  /** The lanes of those that may run the job, as they are now. They change with the next call. */
  options(queue: QueueView, job: HeadView): readonly Lane[];
  /** Takes the time that the option means; answers the slot's number where the job starts now, else null. */
  take(queue: QueueView, option: Option): number | null;
}

const ascending = (a: number, b: number): number => a - b;

function toRow(node: NodeView): Row {
  const { id, freeSlots, busyForSeconds, lastLeasedAt, loadedModels, trial } = node;
  const free = freeSlots.toSorted(ascending);
  const busy = busyForSeconds.toSorted(ascending);
  if (trial) {
    free.splice(busy.length > 0 ? 0 : 1);
    busy.splice(0, busy.length - 1);
  }
  return {
    id,
    slots: free.length + busy.length,
    offers: (queue) => offersModel(node, queue),
    free,
    busy,
    loaded: loadedModels ?? null,
    room: Math.max(1, loadedModels?.length ?? 0),
    lastLeasedAt,
  };
}

function refresh(lane: Lane, cost: number): void {
  const { row, model } = lane;
  lane.isFree = row.free.length > 0;
  lane.startsInSeconds = lane.isFree ? 0 : (row.busy[0] ?? Number.POSITIVE_INFINITY);
  lane.swapSeconds = row.loaded === null || row.loaded.includes(model) ? 0 : lane.secondsPerSwap;
  lane.runSeconds = cost * lane.secondsPerUnit;
  lane.isWanted = false;
  lane.busySlots = row.busy.length;
  lane.lastLeasedAt = row.lastLeasedAt;
}

/**
 * What a node holds once it uses the model, be it in place of the one that was not used for longest.
 * @param room how many models it holds at once
 */
export function nowHolding(loaded: readonly string[], model: string, room: number): string[] {
  const others = loaded.filter((name) => name !== model);
  return [...others.slice(Math.max(0, others.length - room + 1)), model];
}

function use(row: Row, model: string): void {
  if (row.loaded) row.loaded = nowHolding(row.loaded, model, row.room);
}

export function createBoard({
  nodes,
  speeds,
  swaps = [],
}: Pick<Snapshot, 'nodes' | 'speeds' | 'swaps'>): Board {
  const secondsPerUnit = createSpeeds(speeds);
  const secondsPerSwap = createSwaps(swaps);
  const inOrder = nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(toRow);
  const rows = new Map(inOrder.map((row) => [row.id, row]));
  const lanesOf = new Map<string, Lane[]>();
  let free = inOrder.reduce((sum, row) => sum + row.free.length, 0);
  let lastLease = inOrder.reduce((latest, row) => Math.max(latest, row.lastLeasedAt), 0);

  function toLane(row: Row, queue: QueueView): Lane {
    return {
      row,
      nodeId: row.id,
      model: queue.model,
      slots: row.slots,
      secondsPerUnit: secondsPerUnit(row.id, queue),
      secondsPerSwap: secondsPerSwap(row.id, queue.model),
      isFree: false,
      startsInSeconds: 0,
      swapSeconds: 0,
      runSeconds: 0,
      isWanted: false,
      busySlots: 0,
      lastLeasedAt: 0,
    };
  }

  function lanes(queue: QueueView): Lane[] {
    let found = lanesOf.get(queue.id);
    if (!found) {
      found = inOrder.filter((row) => row.offers(queue)).map((row) => toLane(row, queue));
      lanesOf.set(queue.id, found);
    }
    return found;
  }

  /** Of a job that lives there, whatever the node offers now. */
  function laneAt(nodeId: string, queue: QueueView): Lane[] {
    const row = rows.get(nodeId);
    return row ? [lanes(queue).find((lane) => lane.row === row) ?? toLane(row, queue)] : [];
  }

  return {
    get free() {
      return free;
    },
    fastest(queue) {
      const all = lanes(queue).map(({ secondsPerUnit }) => secondsPerUnit);
      return all.length === 0 ? 0 : Math.min(...all);
    },
    options(queue, { cost, nodeId }) {
      const able = nodeId === undefined ? lanes(queue) : laneAt(nodeId, queue);
      for (const lane of able) refresh(lane, cost);
      return able;
    },
    take({ model }, { nodeId, startsInSeconds, swapSeconds, runSeconds }) {
      const row = rows.get(nodeId);
      if (!row) throw new Error(`no node ${nodeId} in the snapshot`);
      const slotNo = row.free.shift() ?? null;
      if (slotNo === null) row.busy.shift();
      else free--;
      row.busy.push(startsInSeconds + swapSeconds + runSeconds);
      row.busy.sort(ascending);
      row.lastLeasedAt = ++lastLease;
      use(row, model);
      return slotNo;
    },
  };
}
