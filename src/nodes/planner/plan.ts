import { markWanted } from './affinity.ts';
import { createBoard } from './board.ts';
import { createLimits } from './limits.ts';
import { createLine, type Next } from './line.ts';
import { type StrategyName, strategies } from './strategies/index.ts';
import type { Option, Strategy } from './strategies/strategy.ts';
import type { Placement, Snapshot } from './types.ts';

/** A job that left a free slot to one which may overtake it, and where it would start otherwise. */
interface Waiting extends Next {
  readonly otherwise: Option | undefined;
}

/**
 * Decides which jobs start now, and in which slots: walks the waiting jobs in their order, and gives each the
 * place that the strategy chooses. A job that had better wait for a busy node keeps that node's next free time
 * from those behind it, and leaves idle slots to them. What those leave too is offered to it once more.
 */
export function plan(snapshot: Snapshot, strategyName: StrategyName): Placement[] {
  const { choose, handicapSeconds }: Strategy = strategies[strategyName];
  const board = createBoard(snapshot);
  const limits = createLimits(snapshot.limits);
  const line = createLine(
    snapshot.queues,
    handicapSeconds && ((queue, job) => handicapSeconds(job.cost * board.fastest(queue))),
  );
  const placements: Placement[] = [];
  const waiting: Waiting[] = [];
  const isDone = (): boolean => placements.length === snapshot.limit || board.free === 0;

  function take({ queue, job }: Next, option: Option): void {
    const { nodeId, swapSeconds, runSeconds } = option;
    const slotNo = board.take(queue, option);
    if (slotNo === null) return;
    limits.take(queue, job);
    placements.push({
      queueId: queue.id,
      jobId: job.id,
      nodeId,
      slotNo,
      runSeconds: runSeconds + swapSeconds,
      swapSeconds,
    });
  }

  for (let next = line.first(); next && !isDone(); next = line.first()) {
    const { queue, job } = next;
    line.advance(queue);
    if (!limits.allow(queue, job)) continue;
    const options = board.options(queue, job);
    const isLeft = markWanted(next, options, { line, limits });
    const option = choose(job, options);
    if (isLeft && !option?.isFree) waiting.push({ ...next, otherwise: option && { ...option } });
    if (option && option.startsInSeconds < Number.POSITIVE_INFINITY) take(next, option);
  }
  for (const next of waiting) {
    if (isDone()) break;
    const { queue, job, otherwise } = next;
    if (!limits.allow(queue, job)) continue;
    const idle = board.options(queue, job).filter(({ isFree }) => isFree);
    const option = choose(job, otherwise ? [otherwise, ...idle] : idle);
    if (option?.isFree) take(next, option);
  }
  return placements;
}
