import type { PolicyFactory } from '../simulate.ts';
import { createFairOrder } from './fair.ts';
import { planner } from './planner.ts';
import { affinity, arrivalOrder, arrivalOrderFastestFirst, shortestFirst } from './pull.ts';
import { leastConnections, leastExpectedWork, powerOfTwo, random, roundRobin, userHash } from './push.ts';

/** Every policy, by the name that the tables give it. */
export const policies = {
  'round robin (push)': roundRobin,
  'random (push)': random,
  'user hash (push)': userHash,
  'power of two (push)': powerOfTwo,
  'least connections (push)': leastConnections,
  'least expected work (push)': leastExpectedWork,
  'pull, arrival order': arrivalOrder,
  'pull, fastest idle first': arrivalOrderFastestFirst,
  'pull, shortest first with aging': shortestFirst,
  'pull, affinity, head skipped ≤ 8 times': affinity,
  '**Switchyard: earliest-completion**': planner('earliest-completion'),
  'Switchyard: earliest-completion, fair share': planner('earliest-completion', createFairOrder),
  'Switchyard: shortest-first': planner('shortest-first'),
  'Switchyard: least-loaded': planner('least-loaded'),
  'Switchyard: round-robin': planner('round-robin'),
  'Switchyard: user-hash': planner('user-hash'),
} as const satisfies Record<string, PolicyFactory>;

export type PolicyName = keyof typeof policies;

/** What the others are compared with. */
export const ours: PolicyName = '**Switchyard: earliest-completion**';
