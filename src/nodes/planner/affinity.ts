import type { Lane } from './board.ts';
import type { Limits } from './limits.ts';
import type { Line, Next } from './line.ts';
import type { HeadView } from './types.ts';

/**
 * A job whose model is loaded may overtake one that needs a swap where it came at most so many times that swap
 * later. More of it saves swaps under load, and lets rare models wait longer.
 */
export const OVERTAKING_SWAPS = 8;

/** How far down the line. */
export type Place = Pick<HeadView, 'band' | 'tag'>;

/**
 * Marks the free slots where the job would change the model while others that may overtake it need not: as many
 * as there are of those.
 * @returns up to where those others stand whose bound comes first; null where there are none
 */
export function markWanted(
  { job, tag }: Next,
  lanes: readonly Lane[],
  { line, limits }: { readonly line: Line; readonly limits: Limits },
): Place | null {
  const wanting = new Map<string, number>();
  let first: Place | null = null;
  for (const lane of lanes) {
    const { row, swapSeconds } = lane;
    if (!lane.isFree || swapSeconds === 0) continue;
    const isAble = (other: Next): boolean =>
      (other.job.nodeId === undefined ? row.offers(other.queue) : other.job.nodeId === row.id) &&
      limits.allow(other.queue, other.job);
    const upTo = { band: job.band, tag: tag + OVERTAKING_SWAPS * swapSeconds };
    for (const model of row.loaded ?? []) {
      const others = wanting.get(model) ?? 0;
      const count = line.count(model, upTo, others + row.free.length, isAble);
      if (count <= others) continue;
      wanting.set(model, count);
      lane.isWanted = true;
      if (first === null || upTo.tag < first.tag) first = upTo;
      break;
    }
  }
  return first;
}
