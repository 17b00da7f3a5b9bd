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

interface Change {
  readonly at: number;
  readonly node: SimulatedNode;
  readonly kind: 'fail' | 'open' | 'drain';
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
  const disturbances = createRandom(seed + 1_000_003);
  const hasSwaps = scenario.models.length > 1;
  const nodes: SimulatedNode[] = scenario.speeds.map((speed, index) => ({
    index,
    speed,
    model: null,
    job: null,
    endsAt: Number.POSITIVE_INFINITY,
    expectedEnd: 0,
    lastTurn: 0,
    isOpen: true,
    isUp: true,
  }));
  let now = 0;
  let turns = 0;
  let swaps = 0;
  let arrived = 0;
  let ended = 0;
  let changes: Change[] = [];
  const draining = new Map<SimulatedNode, number>();
  const drained: number[] = [];

  const swapSeconds = (job: Job, node: SimulatedNode): number =>
    hasSwaps && node.model !== job.model ? scenario.swapSeconds : 0;

  const pool: Pool = {
    get now() {
      return now;
    },
    scenario,
    nodes,
    random: createRandom(seed + 2_000_003),
    expectedSeconds: (job, node) => swapSeconds(job, node) + job.estimate / node.speed,
    start(job, node) {
      if (node.job || !node.isUp) throw new Error('the node is not free');
      const swap = swapSeconds(job, node);
      if (swap > 0) swaps++;
      node.expectedEnd = now + pool.expectedSeconds(job, node);
      node.endsAt = now + swap + job.seconds / node.speed;
      node.model = job.model;
      node.job = job;
      job.startedAt = now;
      node.lastTurn = ++turns;
    },
  };
  const policy = createPolicy(pool);

  function plan(change: Change): void {
    changes.push(change);
    changes.sort((a, b) => a.at - b.at);
  }
  const { failures, drains } = scenario;
  if (failures) {
    for (const node of nodes)
      plan({ at: disturbances.exponential(failures.everySeconds), node, kind: 'fail' });
  }
  const first = nodes[0];
  if (drains && first) plan({ at: drains.everySeconds, node: first, kind: 'drain' });

  function empty(node: SimulatedNode): Job | null {
    const { job } = node;
    node.job = null;
    node.endsAt = Number.POSITIVE_INFINITY;
    return job;
  }

  function emptied(node: SimulatedNode): void {
    const since = draining.get(node);
    if (since === undefined || !drains) return;
    drained.push(now - since);
    draining.delete(node);
    plan({ at: now + drains.forSeconds, node, kind: 'open' });
  }

  function apply({ node, kind }: Change): void {
    if (kind === 'open') {
      node.isOpen = true;
      node.isUp = true;
      if (failures) plan({ at: now + disturbances.exponential(failures.everySeconds), node, kind: 'fail' });
      policy.free(node);
      return;
    }
    node.isOpen = false;
    if (kind === 'fail' && failures) {
      plan({ at: now + failures.forSeconds, node, kind: 'open' });
      node.isUp = false;
      node.model = null;
      const job = empty(node);
      policy.lost(node);
      if (job) policy.arrive(job);
      return;
    }
    draining.set(node, now);
    if (!node.job) emptied(node);
    const after = nodes[(node.index + 1) % nodes.length];
    if (drains && after) plan({ at: now + drains.everySeconds, node: after, kind: 'drain' });
  }

  while (ended < jobs.length && arrived - ended <= most) {
    let next: SimulatedNode | null = null;
    for (const node of nodes) if (node.job && (!next || node.endsAt < next.endsAt)) next = node;
    const job = jobs[arrived];
    const change = changes[0];
    const endsAt = next?.endsAt ?? Number.POSITIVE_INFINITY;
    const arrivesAt = job?.arrivesAt ?? Number.POSITIVE_INFINITY;
    const changesAt = change?.at ?? Number.POSITIVE_INFINITY;
    now = Math.min(endsAt, arrivesAt, changesAt);
    if (next && now === endsAt) {
      const done = empty(next);
      if (done) done.endedAt = now;
      ended++;
      policy.free(next);
      if (!next.job) emptied(next);
    } else if (job && now === arrivesAt) {
      arrived++;
      policy.arrive(job);
    } else if (change) {
      changes = changes.slice(1);
      apply(change);
    } else {
      throw new Error('the policy lets jobs wait for ever');
    }
  }
  const isStable = ended === jobs.length;
  const counted = jobs.slice(Math.floor(jobs.length * WARM_UP)).filter(({ endedAt }) => endedAt > 0);
  return {
    jobs,
    responses: Float64Array.from(counted, ({ endedAt, arrivesAt }) => endedAt - arrivesAt).sort(),
    swaps: swaps / ended,
    drainSeconds:
      drained.length > 0 ? drained.reduce((sum, seconds) => sum + seconds, 0) / drained.length : null,
    isStable,
  };
}
