import { createRandom } from './random.ts';

/** What the jobs of all scenarios are like: seconds at speed 1, each ±25 %. */
const SIZES = [
  { share: 0.6, seconds: 4 },
  { share: 0.32, seconds: 12 },
  { share: 0.08, seconds: 45 },
] as const;
const MEAN_SECONDS = 9.84;
const USERS = 50;

export interface Scenario {
  /** Of each node; 1 is a second of work a second. */
  readonly speeds: readonly number[];
  /** How often each model is asked for; a single one needs no swap. */
  readonly models: readonly number[];
  readonly swapSeconds: number;
  /** Arriving work over what all nodes can do; swaps come on top. */
  readonly load: number;
  readonly jobs: number;
  /** Deviation of the logarithm of the estimates, 0.3 where nothing else is said. */
  readonly estimateError?: number;
  /** What the estimates of long jobs (45 s) are multiplied by. */
  readonly estimateBias?: number;
  /** Nodes go down, each on average so often, for so long; what runs on them is lost and starts anew. */
  readonly failures?: { readonly everySeconds: number; readonly forSeconds: number };
  /** One node after the other is drained, and comes back so long after it was empty. */
  readonly drains?: { readonly everySeconds: number; readonly forSeconds: number };
}

export interface Job {
  readonly id: number;
  readonly arrivesAt: number;
  /** At speed 1. */
  readonly seconds: number;
  /** What the policies know of `seconds`. */
  readonly estimate: number;
  readonly model: number;
  readonly user: number;
  startedAt: number;
  endedAt: number;
}

function pick<T extends { readonly share: number }>(of: readonly T[], at: number): T {
  let sum = 0;
  for (const one of of) {
    sum += one.share;
    if (at < sum) return one;
  }
  const last = of.at(-1);
  if (!last) throw new Error('nothing to pick from');
  return last;
}

/** The same jobs for the same seed, whatever the policy. */
export function createJobs(scenario: Scenario, seed: number): Job[] {
  const { speeds, models, load, jobs, estimateError = 0.3, estimateBias = 1 } = scenario;
  const random = createRandom(seed);
  const meanGap = MEAN_SECONDS / (load * speeds.reduce((sum, speed) => sum + speed, 0));
  const shares = models.map((share, model) => ({ share, model }));
  let now = 0;
  return Array.from({ length: jobs }, (_, id) => {
    now += random.exponential(meanGap);
    const size = pick(SIZES, random.next());
    const seconds = size.seconds * (0.75 + random.next() / 2);
    const bias = size.seconds === 45 ? estimateBias : 1;
    return {
      id,
      arrivesAt: now,
      seconds,
      estimate: seconds * bias * Math.exp(estimateError * random.normal()),
      model: pick(shares, random.next()).model,
      user: Math.floor(USERS * random.next()),
      startedAt: 0,
      endedAt: 0,
    };
  });
}
