import { createSpeeds } from './speeds.ts';
import type { Option } from './strategies/strategy.ts';
import type { JobView, NodeView, QueueView, Snapshot } from './types.ts';

interface Row {
  readonly id: string;
  readonly slots: number;
  /** Ascending. */
  readonly free: number[];
  /** Seconds until each other slot is free, ascending. */
  readonly busy: number[];
  lastLeasedAt: number;
}

/** The nodes as they fill up while a plan is made. */
export interface Board {
  /** How many slots are free. */
  readonly free: number;
  /** Where a job of that queue could run: an option for each node that offers its model. */
  options(queue: QueueView, job: JobView): Option[];
  /** Takes the time that the option means; answers the slot's number where the job starts now, else null. */
  take(option: Option): number | null;
}

const ascending = (a: number, b: number): number => a - b;

function toRow({ id, freeSlots, busyForSeconds, lastLeasedAt }: NodeView): Row {
  return {
    id,
    slots: freeSlots.length + busyForSeconds.length,
    free: freeSlots.toSorted(ascending),
    busy: busyForSeconds.toSorted(ascending),
    lastLeasedAt,
  };
}

export function createBoard({ nodes, speeds }: Pick<Snapshot, 'nodes' | 'speeds'>): Board {
  const secondsPerUnit = createSpeeds(speeds);
  const inOrder = nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const rows = new Map(inOrder.map((node) => [node.id, toRow(node)]));
  const offering = new Map<string, Row[]>();
  let free = nodes.reduce((sum, node) => sum + node.freeSlots.length, 0);
  let lastLease = Math.max(0, ...nodes.map((node) => node.lastLeasedAt));

  function rowsOf(queue: QueueView): Row[] {
    let found = offering.get(queue.id);
    if (!found) {
      const offers = (node: NodeView): boolean =>
        node.offers.some(({ kind, models }) => kind === queue.kind && models.includes(queue.model));
      found = inOrder.filter(offers).flatMap((node) => rows.get(node.id) ?? []);
      offering.set(queue.id, found);
    }
    return found;
  }

  return {
    get free() {
      return free;
    },
    options: (queue, job) =>
      rowsOf(queue).map((row) => ({
        nodeId: row.id,
        isFree: row.free.length > 0,
        startsInSeconds: row.free.length > 0 ? 0 : (row.busy[0] ?? Number.POSITIVE_INFINITY),
        runSeconds: job.cost * secondsPerUnit(row.id, queue),
        slots: row.slots,
        busySlots: row.busy.length,
        lastLeasedAt: row.lastLeasedAt,
      })),
    take({ nodeId, startsInSeconds, runSeconds }) {
      const row = rows.get(nodeId);
      if (!row) throw new Error(`no node ${nodeId} in the snapshot`);
      const slotNo = row.free.shift() ?? null;
      if (slotNo === null) row.busy.shift();
      else free--;
      row.busy.push(startsInSeconds + runSeconds);
      row.busy.sort(ascending);
      row.lastLeasedAt = ++lastLease;
      return slotNo;
    },
  };
}
