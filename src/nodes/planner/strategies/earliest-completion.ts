import { isFree, lastTurn, load, lowest, type Option, type Strategy } from './strategy.ts';

/** What waiting must win: estimates are not better than this, and an idle slot is a sure thing. */
const WORTH_WAITING_SECONDS = 0.1;

/**
 * A swap counts as so many: the time is lost for all who wait, and the model that it replaces will be wanted
 * again. In the simulation 3 is best, or next to it, at every load (docs/architecture.md); 1 would swap for
 * whatever helps the one job.
 */
const SWAP_COUNTS_AS = 3;

const price = (option: Option): number =>
  option.startsInSeconds + SWAP_COUNTS_AS * option.swapSeconds + option.runSeconds;

/** The option that counts as the earliest completion. */
export const soonest = (options: readonly Option[]): Option | undefined =>
  lowest(options, price, load, lastTurn);

/**
 * Where the job is expected to end first, be it on a node that is still busy, since that one is faster or has
 * the model loaded.
 */
export const earliestCompletion: Strategy = {
  choose(_job, options) {
    const open = options.filter(({ isWanted }) => !isWanted);
    const best = soonest(open);
    const now = soonest(open.filter(isFree));
    if (!best || !now) return best;
    return price(best) + WORTH_WAITING_SECONDS < price(now) ? best : now;
  },
};
