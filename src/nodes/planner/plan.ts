import { markWanted, type Place } from './affinity.ts';
import { createBoard } from './board.ts';
import { createLimits } from './limits.ts';
import { createLine, type Next } from './line.ts';
import { type StrategyName, strategies } from './strategies/index.ts';
import type { Option, Strategy } from './strategies/strategy.ts';
import type { Placement, Snapshot } from './types.ts';

/** A job that left a free slot to those up to that place in the line, and where it would start otherwise. */
interface Waiting extends Next {
  readonly upTo: Place;
  readonly otherwise: Option | undefined;
}

/** Whether a job comes behind all those to which the waiting one left a slot. */
const isBeyond = ({ job, tag }: Next, { upTo }: Waiting): boolean =>
  job.band < upTo.band || (job.band === upTo.band && tag > upTo.tag);

/** The idle slots, beside what it has kept for itself. */
function stillOpen({ otherwise }: Waiting, options: readonly Option[]): readonly Option[] {
  const idle = options.filter(({ isFree }) => isFree);
  return otherwise ? [otherwise, ...idle] : idle;
}

/**
 * Decides which jobs start now, and in which slots: walks the waiting jobs in their order, and gives each the
 * place that the strategy chooses. A job that had better wait for a busy node keeps that node's next free time
 * from those behind it, and leaves idle slots to them. What those leave too is offered to it once more: before the
 * jobs that may not overtake it, and at the end.
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
  let waiting: Waiting[] = [];
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

  /** @param before where it would start otherwise, of a job that is offered what those it waited for have left */
  function offer(next: Next, before?: Waiting): void {
    const { queue, job } = next;
    if (!limits.allow(queue, job)) return;
    const options = board.options(queue, job);
    const upTo = markWanted(next, options, { line, limits });
    const option = choose(job, before ? stillOpen(before, options) : options);
    if (upTo && !option?.isFree) {
      waiting.push({ ...next, upTo, otherwise: before ? before.otherwise : option && { ...option } });
    }
    const isKept = before !== undefined && !option?.isFree;
    if (option && !isKept && option.startsInSeconds < Number.POSITIVE_INFINITY) take(next, option);
  }

  function offerAgain(isDue: (one: Waiting) => boolean): void {
    if (!waiting.some(isDue)) return;
    const all = waiting;
    waiting = [];
    for (const one of all) {
      if (isDone()) return;
      if (isDue(one)) offer(one, one);
      else waiting.push(one);
    }
  }

  for (let next = line.first(); next && !isDone(); next = line.first()) {
    const behind = next;
    offerAgain((one) => isBeyond(behind, one));
    if (isDone()) break;
    line.advance(behind.queue);
    offer(behind);
  }
  offerAgain(() => true);
  return placements;
}
