import type { JobView } from '../types.ts';

/** A place where a job could run: the slot of a node that is free first. */
export interface Option {
  readonly nodeId: string;
  readonly isFree: boolean;
  /** 0 for a free slot; Infinity on a node that has no slot. */
  readonly startsInSeconds: number;
  /** What loading the model takes; 0 where it is loaded. */
  readonly swapSeconds: number;
  /** Without the swap. */
  readonly runSeconds: number;
  /**
   * The slot is free, the job would change the node's model, and another that may overtake it needs none: that
   * one had better have it.
   */
  readonly isWanted: boolean;
  readonly slots: number;
  readonly busySlots: number;
  /** Rises with each lease that the node got. */
  readonly lastLeasedAt: number;
}

/**
 * Chooses where a job goes. Choosing an option that starts later lets the job wait, and keeps that time for
 * it in what the jobs behind it are offered.
 * @param options one for each node that may run the job, at least one, in the order of node ids
 * @returns one of the options; undefined lets the job wait for the next plan
 */
export type Choose = (job: JobView, options: readonly Option[]) => Option | undefined;

export interface Strategy {
  readonly choose: Choose;
  /**
   * How many seconds later than it did a job counts as having come, by the time that it takes on the fastest
   * node: lets short jobs overtake long ones. None do where this is left out.
   */
  readonly handicapSeconds?: (runSeconds: number) => number;
}

export const load = ({ busySlots, slots }: Option): number => busySlots / slots;

export const lastTurn = ({ lastLeasedAt }: Option): number => lastLeasedAt;

export const isFree = (option: Option): boolean => option.isFree;

/** The option with the lowest first key; among equals that with the lowest second key, and so on; then the first. */
export function lowest(
  options: readonly Option[],
  ...keys: readonly ((option: Option) => number)[]
): Option | undefined {
  let best: Option | undefined;
  for (const option of options) {
    if (!best || isLower(option, best, keys)) best = option;
  }
  return best;
}

function isLower(a: Option, b: Option, keys: readonly ((option: Option) => number)[]): boolean {
  for (const key of keys) {
    const difference = key(a) - key(b);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
