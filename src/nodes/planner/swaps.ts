import { median } from './median.ts';
import type { SwapView } from './types.ts';

/** Seconds that loading a model takes on a node, where another was loaded before. */
export type Swaps = (nodeId: string, model: string) => number;

/** What a model of some gigabytes takes from a local disk: for the first swap of all. */
const GUESS_SECONDS = 15;

/** Measured ones where there are any: of that model there, else of that model, else of that node, else of any. */
export function createSwaps(measured: readonly SwapView[]): Swaps {
  const byKey = new Map(measured.map(({ nodeId, model, seconds }) => [`${nodeId} ${model}`, seconds]));
  const secondsOf = (isIt: (swap: SwapView) => boolean): number | undefined =>
    median(measured.filter(isIt).map(({ seconds }) => seconds));
  return (nodeId, model) =>
    byKey.get(`${nodeId} ${model}`) ??
    secondsOf((swap) => swap.model === model) ??
    secondsOf((swap) => swap.nodeId === nodeId) ??
    secondsOf(() => true) ??
    GUESS_SECONDS;
}
