import { createBoard } from './board.ts';
import { strategies } from './strategies/index.ts';
import { isFree } from './strategies/strategy.ts';
import type { JobView, Placement, Snapshot, StrategyName } from './types.ts';

/**
 * Decides which fetched job goes to which of the slots that were planned for its queue. A plan counts jobs, a
 * fetch tells them apart: each, in the order of the fetch, gets the slot that the strategy likes best for it.
 * @param jobs what the queue's fetch answered; no more than there are placements
 * @param placements all of one queue, of a plan for this snapshot
 * @returns for each job its placement; the placements left over stay free
 */
export function assign(
  jobs: readonly JobView[],
  placements: readonly Placement[],
  snapshot: Snapshot,
  strategyName: StrategyName,
): Placement[] {
  const queue = snapshot.queues.find(({ id }) => id === placements[0]?.queueId);
  if (!queue) return [];
  const planned = Map.groupBy(placements, ({ nodeId }) => nodeId);
  const nodes = snapshot.nodes.map((node) => {
    const freeSlots = (planned.get(node.id) ?? []).map(({ slotNo }) => slotNo);
    const taken = node.freeSlots.length - freeSlots.length;
    return { ...node, freeSlots, busyForSeconds: [...node.busyForSeconds, ...Array<number>(taken).fill(0)] };
  });
  const board = createBoard({ nodes, speeds: snapshot.speeds });
  const choose = strategies[strategyName];
  return jobs.map((job) => {
    const option = choose(job.userId, board.options(queue, job).filter(isFree));
    const slotNo = option ? board.take(option) : null;
    if (!option || slotNo === null) throw new Error(`more jobs than placements in queue ${queue.id}`);
    return { queueId: queue.id, nodeId: option.nodeId, slotNo, runSeconds: option.runSeconds };
  });
}
