import { earliestCompletion, soonest } from './earliest-completion.ts';
import type { Strategy } from './strategy.ts';

/** A task of so many seconds waits no longer for shorter ones than this many times its own length. */
const PATIENCE = 12;

/**
 * Short tasks first. The mean wait is far shorter under load, the longest waits are longer. A task ages by the
 * second, so that none is overtaken for ever.
 */
export const shortestFirst: Strategy = {
  choose(job, options) {
    // A long task that waited for a faster node would find that shorter ones took it: only a swap is worth it.
    const loaded = options.filter((option) => option.isFree && option.swapSeconds === 0);
    return soonest(loaded) ?? earliestCompletion.choose(job, options);
  },
  handicapSeconds: (runSeconds) => PATIENCE * runSeconds,
};
