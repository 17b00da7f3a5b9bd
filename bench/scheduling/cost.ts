import { type HeadView, plan, type Snapshot, type StrategyName } from '../../src/nodes/planner/index.ts';
import { median, table } from '../support.ts';

const MODELS = ['a', 'b', 'c', 'd'];
const ROUNDS = 50;

/** A pool of nodes of unlike speed that hold different models, and a backlog for all of these. */
function poolOf(heads: number, nodes: number, freeNodes: number): Snapshot {
  const nodeIds = Array.from({ length: nodes }, (_, n) => `node-${n}`);
  const head = (model: string, n: number, count: number): HeadView => ({
    id: `${model}-${n}`,
    userId: `user-${n % 50}`,
    cost: 1 + (n % 9),
    band: 0,
    tag: n * count,
    createdAt: n,
  });
  return {
    limit: nodes,
    nodes: nodeIds.map((id, n) => ({
      id,
      offers: [{ kind: 'kind', models: MODELS }],
      freeSlots: n < freeNodes ? [1] : [],
      busyForSeconds: n < freeNodes ? [] : [n],
      lastLeasedAt: n,
      loadedModels: MODELS.slice(n % MODELS.length).slice(0, 1),
    })),
    queues: MODELS.map((model) => ({
      id: model,
      kind: 'kind',
      model,
      heads: Array.from({ length: heads / MODELS.length }, (_, n) => head(model, n, MODELS.length)),
      secondsPerUnit: 1,
    })),
    speeds: nodeIds.flatMap((nodeId, n) =>
      MODELS.map((model) => ({ nodeId, kind: 'kind', model, secondsPerUnit: 1 + n / 20, samples: 20 })),
    ),
  };
}

function milliseconds(snapshot: Snapshot, strategy: StrategyName): string {
  const took = Array.from({ length: ROUNDS }, () => {
    const began = performance.now();
    plan(snapshot, strategy);
    return performance.now() - began;
  });
  return median(took).toFixed(2);
}

/** What a plan costs. */
export function costReport(): string {
  const strategies: StrategyName[] = ['earliest-completion', 'shortest-first'];
  const sizes = [
    [100, 8, 1],
    [100, 8, 8],
    [1_000, 64, 1],
    [1_000, 64, 64],
    [10_000, 64, 64],
  ] as const;
  const rows = sizes.map(([heads, nodes, free]) => [
    ...[heads, nodes, free].map(String),
    ...strategies.map((strategy) => milliseconds(poolOf(heads, nodes, free), strategy)),
  ]);
  return [
    '## Cost of a plan',
    `Milliseconds, median of ${ROUNDS}; four queues.`,
    table(['heads', 'nodes', 'of these idle', ...strategies], rows),
  ].join('\n\n');
}
