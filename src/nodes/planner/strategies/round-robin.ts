import { isFree, lowest, type Strategy } from './strategy.ts';

/** The node whose last turn is longest ago. */
export const roundRobin: Strategy = (_userId, options) =>
  lowest(options.filter(isFree), (option) => option.lastLeasedAt);
