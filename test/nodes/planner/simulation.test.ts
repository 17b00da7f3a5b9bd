import { expect, test } from 'vitest';
import { waits } from '../../../bench/scheduling/burst.ts';
import { ours, type PolicyName } from '../../../bench/scheduling/policies/index.ts';
import { type Result, run } from '../../../bench/scheduling/run.ts';
import type { Scenario } from '../../../bench/scheduling/scenario.ts';

const JOBS = 1_000;
const unlikeNodes: Scenario = { speeds: [2, 1, 1, 0.5], models: [1], swapSeconds: 15, load: 0.6, jobs: JOBS };
const threeModels: Scenario = { ...unlikeNodes, speeds: [1, 1, 1, 1], models: [0.55, 0.3, 0.15], load: 0.7 };

/** Means over a few seeds; Infinity where the pool did not keep up. */
function p99(policy: PolicyName, scenario: Scenario): number {
  const results: Result[] = [1, 2, 3].map((seed) => run({ scenario, policy, seed }));
  const isStable = results.every((result) => result.isStable);
  return isStable ? results.reduce((sum, result) => sum + result.p99 / 3, 0) : Number.POSITIVE_INFINITY;
}

test('on unlike nodes the planner beats what people use today', () => {
  const others: PolicyName[] = ['round robin (push)', 'least connections (push)', 'pull, arrival order'];
  for (const policy of others) expect(p99(ours, unlikeNodes)).toBeLessThan(0.8 * p99(policy, unlikeNodes));
});

test('with several models to a node the planner swaps far less often, and is quicker, than queues do', () => {
  const swaps = (policy: PolicyName): number => run({ scenario: threeModels, policy, seed: 1 }).swaps;
  expect(swaps(ours)).toBeLessThan(0.15 * swaps('pull, arrival order'));
  expect(p99(ours, threeModels)).toBeLessThan(p99('pull, affinity, head skipped ≤ 8 times', threeModels));
});

test('every job ends, whatever fails or is drained', () => {
  const often = { everySeconds: 300, forSeconds: 60 };
  for (const trouble of [{ failures: often }, { drains: often }]) {
    for (const policy of [ours, 'least connections (push)', 'pull, arrival order'] as const) {
      expect(run({ scenario: { ...unlikeNodes, ...trouble, load: 0.3 }, policy, seed: 1 }).isStable).toBe(
        true,
      );
    }
  }
});

test('under fair share bursts delay a single job of another by about one job of each of their users', () => {
  for (const users of [1, 4]) {
    for (const error of [0.3, null]) {
      const waited = waits('Switchyard: earliest-completion, fair share', { users, bias: 1, error }, 1);
      expect(Math.max(...waited)).toBeLessThan((1.25 * 10 * (users + 4)) / 4);
    }
  }
});
