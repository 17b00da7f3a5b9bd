import { isFree, load, lowest, type Strategy } from './strategy.ts';

/** The node with the smallest share of its slots in use. */
export const leastLoaded: Strategy = (_userId, options) =>
  lowest(options.filter(isFree), load, (option) => option.lastLeasedAt);
