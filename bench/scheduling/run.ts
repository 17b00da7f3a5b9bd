import { type PolicyName, policies } from './policies/index.ts';
import type { Scenario } from './scenario.ts';
import { simulate } from './simulate.ts';

export interface Run {
  readonly scenario: Scenario;
  readonly policy: PolicyName;
  readonly seed: number;
}

/** Seconds from arrival to end, and what else is told of a run. */
export interface Result {
  readonly mean: number;
  readonly p95: number;
  readonly p99: number;
  readonly swaps: number;
  readonly drainSeconds: number | null;
  readonly isStable: boolean;
}

export function run({ scenario, policy, seed }: Run): Result {
  const { responses, swaps, drainSeconds, isStable } = simulate(scenario, policies[policy], seed);
  const at = (share: number): number => responses[Math.floor(responses.length * share)] ?? Number.NaN;
  return {
    mean: responses.reduce((sum, seconds) => sum + seconds, 0) / responses.length,
    p95: at(0.95),
    p99: at(0.99),
    swaps,
    drainSeconds,
    isStable,
  };
}
