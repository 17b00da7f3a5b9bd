import type { QueueView, SpeedView } from './types.ts';

/** Seconds per unit of a queue's work on a node. */
export type Speeds = (nodeId: string, queue: QueueView) => number;

type Model = Pick<SpeedView, 'kind' | 'model'>;

const modelKey = ({ kind, model }: Model): string => `${kind} ${model}`;

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

/**
 * What is known of a node's speed: its own measurements, and as long as these are few, what other nodes take
 * for the model (else the kind's guess) times how this node compares to others on other models. The weight of
 * that expectation halves with each sample, so that a new node is tried and soon judged by itself.
 */
export function createSpeeds(samples: readonly SpeedView[]): Speeds {
  const byModel = Map.groupBy(samples, modelKey);
  const byNode = Map.groupBy(samples, (sample) => sample.nodeId);
  const known = new Map<string, number>();

  const onOthers = (nodeId: string, model: Model): number | undefined =>
    median(
      (byModel.get(modelKey(model)) ?? [])
        .filter((sample) => sample.nodeId !== nodeId)
        .map((sample) => sample.secondsPerUnit),
    );

  function factor(nodeId: string, queue: QueueView): number {
    const ratios = (byNode.get(nodeId) ?? [])
      .filter((sample) => modelKey(sample) !== modelKey(queue))
      .map((sample) => sample.secondsPerUnit / (onOthers(nodeId, sample) ?? Number.NaN))
      .filter((ratio) => ratio > 0);
    return median(ratios) ?? 1;
  }

  function secondsPerUnit(nodeId: string, queue: QueueView): number {
    const expected = (onOthers(nodeId, queue) ?? queue.secondsPerUnit) * factor(nodeId, queue);
    const own = byModel.get(modelKey(queue))?.find((sample) => sample.nodeId === nodeId);
    if (own === undefined) return expected;
    const weight = 2 ** -own.samples;
    return weight * expected + (1 - weight) * own.secondsPerUnit;
  }

  return (nodeId, queue) => {
    const key = `${nodeId} ${modelKey(queue)}`;
    let seconds = known.get(key);
    if (seconds === undefined) {
      seconds = secondsPerUnit(nodeId, queue);
      known.set(key, seconds);
    }
    return seconds;
  };
}
