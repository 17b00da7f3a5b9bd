import { isFree, lastTurn, lowest, type Strategy } from './strategy.ts';

/** The node whose last turn is longest ago. */
export const roundRobin: Strategy = {
  choose: (_job, options) => lowest(options.filter(isFree), lastTurn),
};
