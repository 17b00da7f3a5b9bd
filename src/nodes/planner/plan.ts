import { createBoard } from './board.ts';
import { createLine } from './line.ts';
import { strategies } from './strategies/index.ts';
import type { Placement, Snapshot, StrategyName } from './types.ts';

/** A job that would wait behind so many others of its queue is left to a later plan. */
const MAX_WAITING = 64;

/**
 * Decides which jobs start now, and in which slots: walks the waiting jobs by band, tag and
 * age, and gives each the place that the strategy chooses. A job that had better wait for a busy node keeps
 * that node's next free time from those behind it, and leaves idle slots to them.
 */
export function plan(snapshot: Snapshot, strategyName: StrategyName): Placement[] {
  const choose = strategies[strategyName];
  const board = createBoard(snapshot);
  const line = createLine(snapshot.queues);
  const waits = new Map<string, number>();
  const placements: Placement[] = [];
  while (placements.length < snapshot.limit && board.free > 0) {
    const next = line.first();
    if (!next) break;
    const { queue, job } = next;
    const option = choose(job.userId, board.options(queue, job));
    if (!option || option.startsInSeconds === Number.POSITIVE_INFINITY) {
      line.drop(queue);
      continue;
    }
    const slotNo = board.take(option);
    if (slotNo !== null) {
      placements.push({
        queueId: queue.id,
        jobId: job.id,
        nodeId: option.nodeId,
        slotNo,
        runSeconds: option.runSeconds,
        swapSeconds: 0,
      });
    } else {
      const waiting = (waits.get(queue.id) ?? 0) + 1;
      waits.set(queue.id, waiting);
      if (waiting >= MAX_WAITING) line.drop(queue);
    }
    line.advance(queue);
  }
  return placements;
}
