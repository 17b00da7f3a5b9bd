import type { StrategyName } from '../types.ts';
import { earliestCompletion } from './earliest-completion.ts';
import { leastLoaded } from './least-loaded.ts';
import { roundRobin } from './round-robin.ts';
import type { Strategy } from './strategy.ts';
import { userHash } from './user-hash.ts';

/** Every strategy. A new one is a file of its own, and one line here and in `StrategyName`. */
export const strategies: Readonly<Record<StrategyName, Strategy>> = {
  'earliest-completion': earliestCompletion,
  'least-loaded': leastLoaded,
  'round-robin': roundRobin,
  'user-hash': userHash,
};

export const strategyNames = Object.keys(strategies) as StrategyName[];
