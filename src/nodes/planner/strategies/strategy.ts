/** A place where a job could run: the slot of a node that is free first. */
export interface Option {
  readonly nodeId: string;
  readonly isFree: boolean;
  /** 0 for a free slot; Infinity on a node that has no slot. */
  readonly startsInSeconds: number;
  readonly runSeconds: number;
  readonly slots: number;
  readonly busySlots: number;
  /** Rises with each lease that the node got. */
  readonly lastLeasedAt: number;
}

/**
 * Chooses where a job goes. Choosing an option that starts later lets the job wait, and keeps that time for
 * it in what the jobs behind it are offered.
 * @param options one for each node that offers the job's model, at least one, in the order of node ids
 * @returns one of the options; undefined lets the job, and its queue behind it, wait for the next plan
 */
export type Strategy = (userId: string, options: readonly Option[]) => Option | undefined;

export const load = ({ busySlots, slots }: Option): number => busySlots / slots;

export const isFree = (option: Option): boolean => option.isFree;

/** The option with the lowest first key; among equals that with the lowest second key, and so on; then the first. */
export function lowest(
  options: readonly Option[],
  ...keys: readonly ((option: Option) => number)[]
): Option | undefined {
  let best: Option | undefined;
  for (const option of options) {
    if (best === undefined) best = option;
    const decisive = keys.find((key) => key(option) !== key(best as Option));
    if (decisive && decisive(option) < decisive(best)) best = option;
  }
  return best;
}
