import { median } from './median.ts';
import type { QueueView, SpeedView } from './types.ts';

/** Seconds per unit of a queue's work on a node. */
export type Speeds = (nodeId: string, queue: QueueView) => number;

type Model = Pick<SpeedView, 'kind' | 'model'>;

interface Ratio {
  readonly model: string;
  readonly ratio: number;
}

/** From so many samples on, what was expected of the node has no weight left. */
const SETTLED_AFTER = 15;

const modelKey = ({ kind, model }: Model): string => `${kind} ${model}`;

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/**
 * What is known of a node's speed: its own measurements, and as long as these are few, what other nodes take
 * for the model (else the kind's guess) times how this node compares to others on other models. The weight of
 * that expectation halves with each sample, so that a new node is tried and soon judged by itself.
 */
export function createSpeeds(samples: readonly SpeedView[]): Speeds {
  // Only nodes with few samples need these.
  const byModel = lazy(() => Map.groupBy(samples, modelKey));
  const byNode = lazy(() => Map.groupBy(samples, (sample) => sample.nodeId));
  const byKey = new Map(samples.map((sample) => [`${sample.nodeId} ${modelKey(sample)}`, sample]));
  const ratios = new Map<string, Ratio[]>();

  const onOthers = (nodeId: string, model: Model): number | undefined =>
    median(
      (byModel().get(modelKey(model)) ?? [])
        .filter((sample) => sample.nodeId !== nodeId)
        .map((sample) => sample.secondsPerUnit),
    );

  /** How the node compares to others, on each model that they were measured with too. */
  function ratiosOf(nodeId: string): Ratio[] {
    let found = ratios.get(nodeId);
    if (!found) {
      found = (byNode().get(nodeId) ?? []).map((sample) => ({
        model: modelKey(sample),
        ratio: sample.secondsPerUnit / (onOthers(nodeId, sample) ?? Number.NaN),
      }));
      ratios.set(nodeId, found);
    }
    return found;
  }

  function factor(nodeId: string, queue: QueueView): number {
    const others = ratiosOf(nodeId).filter(({ model, ratio }) => ratio > 0 && model !== modelKey(queue));
    return median(others.map(({ ratio }) => ratio)) ?? 1;
  }

  function secondsPerUnit(nodeId: string, queue: QueueView): number {
    const own = byKey.get(`${nodeId} ${modelKey(queue)}`);
    if (own && own.samples >= SETTLED_AFTER) return own.secondsPerUnit;
    const expected = (onOthers(nodeId, queue) ?? queue.secondsPerUnit) * factor(nodeId, queue);
    if (!own) return expected;
    const weight = 2 ** -own.samples;
    return weight * expected + (1 - weight) * own.secondsPerUnit;
  }

  return secondsPerUnit;
}
