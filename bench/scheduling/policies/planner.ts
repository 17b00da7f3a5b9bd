import {
  type HeadView,
  type NodeView,
  plan,
  type QueueView,
  type SpeedView,
  type StrategyName,
} from '../../../src/nodes/planner/index.ts';
import type { Job, Scenario } from '../scenario.ts';
import type { Policy, PolicyFactory, Pool, SimulatedNode } from '../simulate.ts';

/** As many as a claim reads. */
const MAX_HEADS = 64;

const modelOf = (model: number): string => `model-${model}`;

/** A queue as production has it: jobs by id, and what a claim reads of them. */
interface Waiting {
  readonly jobs: Map<string, Job>;
  readonly heads: HeadView[];
}

function speedsOf({ speeds, models }: Scenario): SpeedView[] {
  return speeds.flatMap((speed, n) =>
    models.map((_, model) => ({
      nodeId: String(n),
      kind: 'kind',
      model: modelOf(model),
      secondsPerUnit: 1 / speed,
      samples: 20,
    })),
  );
}

function nodeView(node: SimulatedNode, { now, scenario }: Pool, offers: NodeView['offers']): NodeView {
  const isSwapping = scenario.models.length > 1 && node.model !== null;
  return {
    id: String(node.index),
    offers,
    freeSlots: node.job ? [] : [1],
    // An attempt past its expected end is taken to last as long again as it is late, as in production.
    busyForSeconds: node.job ? [Math.abs(node.expectedEnd - now)] : [],
    lastLeasedAt: node.lastTurn,
    loadedModels: isSwapping ? [modelOf(node.model ?? 0)] : null,
  };
}

/** In which order the jobs of a queue are served. */
export interface Order {
  /** Of a job that comes, or comes back: lower is first. */
  tag(job: Job): number;
  started(job: Job): void;
}

const byArrival: Order = { tag: ({ arrivesAt }) => arrivesAt, started: () => undefined };

/** The planner of Switchyard, in the hands of the simulation. */
export function planner(strategy: StrategyName, createOrder: () => Order = () => byArrival): PolicyFactory {
  return (pool): Policy => {
    const order = createOrder();
    const { scenario } = pool;
    const speeds = speedsOf(scenario);
    const offers = [{ kind: 'kind', models: scenario.models.map((_, model) => modelOf(model)) }];
    const swaps = speeds.map(({ nodeId, model }) => ({ nodeId, model, seconds: scenario.swapSeconds }));
    const queues = scenario.models.map((): Waiting => ({ jobs: new Map(), heads: [] }));

    function queueViews(): QueueView[] {
      return queues.flatMap(({ heads }, model) =>
        heads.length === 0
          ? []
          : [
              {
                id: modelOf(model),
                kind: 'kind',
                model: modelOf(model),
                heads: heads.length > MAX_HEADS ? heads.slice(0, MAX_HEADS) : heads,
                secondsPerUnit: 1,
              },
            ],
      );
    }

    function claim(): void {
      const open = pool.nodes.filter(({ isOpen }) => isOpen);
      if (open.every(({ job }) => job)) return;
      const views = queueViews();
      if (views.length === 0) return;
      const nodes = open.map((node) => nodeView(node, pool, offers));
      const placements = plan({ nodes, queues: views, speeds, swaps, limit: nodes.length }, strategy);
      for (const { queueId, jobId, nodeId } of placements) {
        const waiting = queues[Number(queueId.slice('model-'.length))];
        const job = waiting?.jobs.get(jobId);
        const node = pool.nodes[Number(nodeId)];
        if (!waiting || !job || !node) throw new Error('the plan names what is not there');
        waiting.jobs.delete(jobId);
        waiting.heads.splice(
          waiting.heads.findIndex(({ id }) => id === jobId),
          1,
        );
        order.started(job);
        pool.start(job, node);
      }
    }

    return {
      arrive(job) {
        const waiting = queues[job.model];
        if (!waiting) throw new Error('the job asks for a model that there is not');
        const { arrivesAt, estimate } = job;
        const id = String(job.id);
        // One that comes back keeps its place.
        const tag = order.tag(job);
        const at = waiting.heads.findLastIndex((other) => other.tag <= tag);
        const userId = String(job.user);
        const head = { id, userId, cost: estimate, band: 0, tag, createdAt: arrivesAt * 1_000 };
        waiting.heads.splice(at + 1, 0, head);
        waiting.jobs.set(id, job);
        claim();
      },
      free: claim,
      lost: () => undefined,
    };
  };
}
