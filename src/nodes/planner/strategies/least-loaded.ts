import { isFree, lastTurn, load, lowest, type Strategy } from './strategy.ts';

/** The node with the smallest share of its slots in use. */
export const leastLoaded: Strategy = {
  choose: (_job, options) => lowest(options.filter(isFree), load, lastTurn),
};
