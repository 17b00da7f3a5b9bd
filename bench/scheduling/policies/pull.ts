import type { Job } from '../scenario.ts';
import type { Policy, PolicyFactory, Pool, SimulatedNode } from '../simulate.ts';

/** Takes one of the waiting jobs, the oldest first, for an idle node; undefined lets the node idle. */
type Take = (waiting: readonly Job[], node: SimulatedNode, pool: Pool) => number | undefined;

/** Workers that each ask one queue for their next job. */
function pull(take: Take, order: (a: SimulatedNode, b: SimulatedNode) => number): PolicyFactory {
  return (pool): Policy => {
    const waiting: Job[] = [];

    function serve(): void {
      const idle = pool.nodes.filter(({ isOpen, job }) => isOpen && !job).sort(order);
      for (const node of idle) {
        if (waiting.length === 0) return;
        const at = take(waiting, node, pool);
        const [job] = at === undefined ? [] : waiting.splice(at, 1);
        if (job) pool.start(job, node);
      }
    }

    return {
      arrive(job) {
        // One that comes back is older than those that wait.
        const at = waiting.findLastIndex(({ id }) => id < job.id);
        waiting.splice(at + 1, 0, job);
        serve();
      },
      free: serve,
      lost: () => undefined,
    };
  };
}

const anyOrder = (a: SimulatedNode, b: SimulatedNode): number => a.lastTurn - b.lastTurn;
const fastestFirst = (a: SimulatedNode, b: SimulatedNode): number => b.speed - a.speed || anyOrder(a, b);

/** What nearly every queue with workers does. */
export const arrivalOrder = pull(() => 0, anyOrder);

export const arrivalOrderFastestFirst = pull(() => 0, fastestFirst);

/** A second of waiting makes up for so much of a job's length. */
const AGING = 0.08;

/** The shortest first, by its estimate less what it has aged. */
export const shortestFirst = pull((waiting, _node, { now }) => {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [at, { estimate, arrivesAt }] of waiting.entries()) {
    const rank = estimate - AGING * (now - arrivesAt);
    if (rank < least) [best, least] = [at, rank];
  }
  return best;
}, fastestFirst);

const MAX_SKIPS = 8;

/** The oldest job of the model that the node has; the head of the queue may be skipped 8 times. */
export const affinity: PolicyFactory = (pool) => {
  let skips = 0;
  let head: Job | undefined;
  return pull((waiting, node) => {
    if (waiting[0] !== head) [head, skips] = [waiting[0], 0];
    const at = waiting.findIndex(({ model }) => model === node.model);
    if (at <= 0 || skips >= MAX_SKIPS) return 0;
    skips++;
    return at;
  }, fastestFirst)(pool);
};
