import { createDisturbances } from './disturbances.ts';
import { createRandom, type Random } from './random.ts';
import { createJobs, type Job, type Scenario } from './scenario.ts';

/** A node with one slot. */
export interface SimulatedNode {
  readonly index: number;
  readonly speed: number;
  /** The model in memory, null at first. */
  model: number | null;
  job: Job | null;
  /** Of `job`; Infinity where there is none. */
  endsAt: number;
  expectedEnd: number;
  /** Rises with each start. */
  lastTurn: number;
  /** Takes new work. */
  isOpen: boolean;
  /** Works, be it that it is drained. */
  isUp: boolean;
}

/** What a policy sees of the pool, and does to it. */
export interface Pool {
  readonly now: number;
  readonly scenario: Scenario;
  readonly nodes: readonly SimulatedNode[];
  readonly random: Random;
  start(job: Job, node: SimulatedNode): void;
  /** Seconds that a job would take there from now on, with the swap, as far as is known. */
  expectedSeconds(job: Job, node: SimulatedNode): number;
}

/** Decides what runs where. Asked at each change; starts jobs on idle nodes. */
export interface Policy {
  /** The job came, or comes back since its node was lost. */
  arrive(job: Job): void;
  /** A node became idle, or opened; a drained one may still have a queue of its own. */
  free(node: SimulatedNode): void;
  /** The node is lost. */
  lost(node: SimulatedNode): void;
}

export type PolicyFactory = (pool: Pool) => Policy;

export interface Outcome {
  readonly jobs: readonly Job[];
  /** Seconds from arrival to end, of all but the first tenth, ascending. */
  readonly responses: Float64Array;
  /** For each job. */
  readonly swaps: number;
  /** Mean seconds from the start of a drain until the node was empty; null without drains. */
  readonly drainSeconds: number | null;
  readonly isStable: boolean;
}

/** With so many jobs in the pool at once it does not keep up. */
const UNSTABLE_ABOVE = 400;
const WARM_UP = 0.1;

interface SimulatedPool extends Pool {
  now: number;
  swaps: number;
  /** Takes away what runs there. */
  empty(node: SimulatedNode): Job | null;
}

function createNodes({ speeds }: Scenario): SimulatedNode[] {
  return speeds.map((speed, index) => ({
    ...{ index, speed, model: null, job: null, lastTurn: 0, isOpen: true, isUp: true },
    ...{ endsAt: Number.POSITIVE_INFINITY, expectedEnd: 0 },
  }));
}

function createPool(scenario: Scenario, random: Random): SimulatedPool {
  const hasSwaps = scenario.models.length > 1;
  let turns = 0;
  const swapSeconds = (job: Job, node: SimulatedNode): number =>
    hasSwaps && node.model !== job.model ? scenario.swapSeconds : 0;

  const pool: SimulatedPool = {
    now: 0,
    swaps: 0,
    scenario,
    nodes: createNodes(scenario),
    random,
    expectedSeconds: (job, node) => swapSeconds(job, node) + job.estimate / node.speed,
    start(job, node) {
      if (node.job || !node.isUp) throw new Error('the node is not free');
      const swap = swapSeconds(job, node);
      if (swap > 0) pool.swaps++;
      node.expectedEnd = pool.now + pool.expectedSeconds(job, node);
      node.endsAt = pool.now + swap + job.seconds / node.speed;
      node.model = job.model;
      node.job = job;
      node.lastTurn = ++turns;
      job.startedAt = pool.now;
    },
    empty(node) {
      const { job } = node;
      node.job = null;
      node.endsAt = Number.POSITIVE_INFINITY;
      return job;
    },
  };
  return pool;
}

function firstToEnd(nodes: readonly SimulatedNode[]): SimulatedNode | null {
  let first: SimulatedNode | null = null;
  for (const node of nodes) if (node.job && (!first || node.endsAt < first.endsAt)) first = node;
  return first;
}

/** Runs the scenario's jobs through a policy, or those that are given, to the last. Deterministic. */
export function simulate(
  scenario: Scenario,
  createPolicy: PolicyFactory,
  seed: number,
  given?: readonly Job[],
): Outcome {
  const jobs = given ?? createJobs(scenario, seed);
  const most = given ? Number.POSITIVE_INFINITY : UNSTABLE_ABOVE;
  const pool = createPool(scenario, createRandom(seed + 2_000_003));
  const policy = createPolicy(pool);
  const disturbances = createDisturbances({
    ...{ scenario, nodes: pool.nodes, random: createRandom(seed + 1_000_003) },
    onOpen: (node) => policy.free(node),
    onLost(node) {
      node.model = null;
      const job = pool.empty(node);
      policy.lost(node);
      if (job) policy.arrive(job);
    },
  });

  function end(node: SimulatedNode): void {
    const job = pool.empty(node);
    if (job) job.endedAt = pool.now;
    policy.free(node);
    if (!node.job) disturbances.emptied(node, pool.now);
  }

  let arrived = 0;
  let ended = 0;
  while (ended < jobs.length && arrived - ended <= most) {
    const next = firstToEnd(pool.nodes);
    const job = jobs[arrived];
    const endsAt = next?.endsAt ?? Number.POSITIVE_INFINITY;
    const arrivesAt = job?.arrivesAt ?? Number.POSITIVE_INFINITY;
    pool.now = Math.min(endsAt, arrivesAt, disturbances.nextAt());
    if (pool.now === Number.POSITIVE_INFINITY) throw new Error('the policy lets jobs wait for ever');
    if (next && pool.now === endsAt) {
      ended++;
      end(next);
    } else if (job && pool.now === arrivesAt) {
      arrived++;
      policy.arrive(job);
    } else {
      disturbances.apply();
    }
  }
  const { swaps } = pool;
  return outcomeOf(jobs, {
    swaps: swaps / ended,
    drained: disturbances.drained,
    isStable: ended === jobs.length,
  });
}

interface Counted extends Pick<Outcome, 'swaps' | 'isStable'> {
  readonly drained: readonly number[];
}

function outcomeOf(jobs: readonly Job[], { drained, ...counted }: Counted): Outcome {
  const kept = jobs.slice(Math.floor(jobs.length * WARM_UP)).filter(({ endedAt }) => endedAt > 0);
  const total = drained.reduce((sum, seconds) => sum + seconds, 0);
  return {
    ...counted,
    jobs,
    responses: Float64Array.from(kept, ({ endedAt, arrivesAt }) => endedAt - arrivesAt).sort(),
    drainSeconds: drained.length > 0 ? total / drained.length : null,
  };
}
