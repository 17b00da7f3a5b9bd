import { isFree, load, lowest, type Option, type Strategy } from './strategy.ts';

/** What waiting must win: estimates are not better than this, and an idle slot is a sure thing. */
const WORTH_WAITING_SECONDS = 0.1;

const endsIn = ({ startsInSeconds, runSeconds }: Option): number => startsInSeconds + runSeconds;

/** Where the job is expected to end first, be it on a faster node that is still busy. */
export const earliestCompletion: Strategy = (_userId, options) => {
  const best = lowest(options, endsIn, load, (option) => option.lastLeasedAt);
  const now = lowest(options.filter(isFree), endsIn, load, (option) => option.lastLeasedAt);
  if (!best || !now) return best;
  return endsIn(best) + WORTH_WAITING_SECONDS < endsIn(now) ? best : now;
};
