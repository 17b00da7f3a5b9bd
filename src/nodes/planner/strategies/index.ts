import { earliestCompletion } from './earliest-completion.ts';
import { leastLoaded } from './least-loaded.ts';
import { roundRobin } from './round-robin.ts';
import { shortestFirst } from './shortest-first.ts';
import type { Strategy } from './strategy.ts';
import { userHash } from './user-hash.ts';

/** Every strategy. A new one is a file of its own, and one line here. */
export const strategies = {
  'earliest-completion': earliestCompletion,
  'least-loaded': leastLoaded,
  'round-robin': roundRobin,
  'shortest-first': shortestFirst,
  'user-hash': userHash,
} as const satisfies Record<string, Strategy>;

/** How a task's node is chosen. */
export type StrategyName = keyof typeof strategies;

export const strategyNames = Object.keys(strategies) as StrategyName[];
