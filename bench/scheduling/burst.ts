import { table } from '../support.ts';
import { type PolicyName, policies } from './policies/index.ts';
import { createRandom } from './random.ts';
import type { Job, Scenario } from './scenario.ts';
import { simulate } from './simulate.ts';

const BURST = 1_000;
const SECONDS = 10;

export interface Burst {
  /** Users who submit a burst each at the same moment. */
  readonly users: number;
  /** What estimates are multiplied by: of the bursts, since these are what others wait behind. */
  readonly bias: number;
  /** Deviation of the logarithm of the estimates; null for estimates that are all the same, right or wrong. */
  readonly error: number | null;
}

/** Bursts at once, and a single job of a new user every 100 s for as long as they last. */
function jobsOf({ users, bias, error }: Burst, until: number, seed: number): Job[] {
  const random = createRandom(seed);
  const job = (arrivesAt: number, user: number): Omit<Job, 'id'> => {
    const seconds = SECONDS * (0.75 + random.next() / 2);
    const estimate = error === null ? SECONDS : seconds * Math.exp(error * random.normal());
    const isBurst = user < users;
    return {
      ...{ arrivesAt, seconds, estimate: isBurst ? estimate * bias : estimate, user },
      ...{ model: 0, startedAt: 0, endedAt: 0 },
    };
  };
  const bursts = Array.from({ length: users * BURST }, (_, n) => job(0, n % users));
  const singles = Array.from({ length: Math.floor(until / 100) }, (_, n) => job(50 + 100 * n, users + n));
  return [...bursts, ...singles].map((one, id) => ({ ...one, id }));
}

/** How long the single jobs waited to start, in seconds. */
export function waits(policy: PolicyName, burst: Burst, seeds: number): number[] {
  const scenario: Scenario = { speeds: [1, 1, 1, 1], models: [1], swapSeconds: 0, load: 1, jobs: 0 };
  const until = (burst.users * BURST * SECONDS) / scenario.speeds.length - 200;
  return Array.from({ length: seeds }, (_, seed) => {
    const { jobs } = simulate(scenario, policies[policy], seed, jobsOf(burst, until, seed));
    return jobs.filter(({ user }) => user >= burst.users).map((job) => job.startedAt - job.arrivesAt);
  }).flat();
}

function cellOf(waited: readonly number[]): string {
  const mean = waited.reduce((sum, seconds) => sum + seconds, 0) / waited.length;
  return `${mean.toFixed(1)} / ${Math.max(...waited).toFixed(1)}`;
}

const cases: Readonly<Record<string, Burst>> = {
  'one burst': { users: 1, bias: 1, error: 0.3 },
  'one burst, no estimates': { users: 1, bias: 1, error: null },
  'one burst, taken for a fifth': { users: 1, bias: 0.2, error: 0.3 },
  'four bursts': { users: 4, bias: 1, error: 0.3 },
  'four bursts, no estimates': { users: 4, bias: 1, error: null },
  'four bursts, taken for a fifth': { users: 4, bias: 0.2, error: 0.3 },
};

/** What a burst of one user does to a single job of another. */
export function burstReport(seeds: number): string {
  const names: PolicyName[] = ['pull, arrival order', 'Switchyard: earliest-completion, fair share'];
  const rows = Object.entries(cases).map(([name, burst]) => [
    name,
    ...names.map((policy) => cellOf(waits(policy, burst, seeds))),
  ]);
  return [
    '## Bursts',
    `Users submit ${BURST} jobs of about ${SECONDS} s at once to four nodes of speed 1; while they last, a new user comes ` +
      'every 100 s with a single job. How long that one waits to start, in seconds, mean / worst. The bound is one job ' +
      'of each user who has any waiting, over the nodes, and what is left of the first running job to end.',
    table(['bursts', ...names], rows),
  ].join('\n\n');
}
