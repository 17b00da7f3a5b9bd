import type { Job } from '../scenario.ts';
import type { Policy, PolicyFactory, Pool, SimulatedNode } from '../simulate.ts';

/** A node with the jobs that were sent to it. */
export interface Backlog {
  readonly node: SimulatedNode;
  readonly jobs: Job[];
}

/** Picks a node at once for each job that comes; the job stays there. */
export type Choose = (job: Job, open: readonly Backlog[], pool: Pool) => Backlog | undefined;

/** A load balancer before nodes that have a queue each. When a node is lost, its queue is sent anew. */
function push(createChoose: () => Choose): PolicyFactory {
  return (pool): Policy => {
    const choose = createChoose();
    const backlogs: Backlog[] = pool.nodes.map((node) => ({ node, jobs: [] }));
    let homeless: Job[] = [];

    function next(backlog: Backlog): void {
      const { node, jobs } = backlog;
      if (node.job || !node.isUp) return;
      const job = jobs.shift();
      if (job) pool.start(job, node);
    }

    function arrive(job: Job): void {
      const backlog = choose(
        job,
        backlogs.filter(({ node }) => node.isOpen),
        pool,
      );
      if (!backlog) {
        homeless.push(job);
        return;
      }
      backlog.jobs.push(job);
      next(backlog);
    }

    return {
      arrive,
      free(node) {
        const waiting = homeless;
        homeless = [];
        for (const job of waiting) arrive(job);
        const backlog = backlogs[node.index];
        if (backlog) next(backlog);
      },
      lost(node) {
        for (const job of backlogs[node.index]?.jobs.splice(0) ?? []) arrive(job);
      },
    };
  };
}

const atRandom = (among: readonly Backlog[], { random }: Pool): Backlog | undefined =>
  among[Math.floor(random.next() * among.length)];

const connections = ({ node, jobs }: Backlog): number => jobs.length + (node.job ? 1 : 0);

/** The one with the lowest value, the first of equals. */
function lowest<T>(among: readonly T[], value: (one: T) => number): T | undefined {
  let best: T | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const one of among) {
    const at = value(one);
    if (at < least) [best, least] = [one, at];
  }
  return best;
}

/** Each node in turn. */
export const roundRobin = push(() => {
  let turn = -1;
  return (_job, open) => {
    turn++;
    return open[turn % open.length];
  };
});

export const random = push(() => (_job, open, pool) => atRandom(open, pool));

/** The node with the fewest jobs, any of equals: what most load balancers offer beside round robin. */
export const leastConnections = push(() => (_job, open, pool) => {
  const fewest = Math.min(...open.map(connections));
  return atRandom(
    open.filter((backlog) => connections(backlog) === fewest),
    pool,
  );
});

/** Each user always on the same node. */
export const userHash = push(() => (job, open) => open[job.user % open.length]);

/** The one with fewer jobs of two that were drawn. */
export const powerOfTwo = push(() => (_job, open, pool) => {
  const a = atRandom(open, pool);
  const b = atRandom(
    open.filter((backlog) => backlog !== a),
    pool,
  );
  return lowest(
    [a, b].flatMap((backlog) => backlog ?? []),
    connections,
  );
});

/** Where the job would end first, by the estimates of all that was sent there: it knows speeds and models. */
export const leastExpectedWork = push(
  () => (job, open, pool) =>
    lowest(open, ({ node, jobs }) => {
      let free = node.job ? Math.max(0, node.expectedEnd - pool.now) : 0;
      let model = node.model;
      for (const one of [...jobs, job]) {
        if (model !== one.model && pool.scenario.models.length > 1) free += pool.scenario.swapSeconds;
        free += one.estimate / node.speed;
        model = one.model;
      }
      return free;
    }),
);
