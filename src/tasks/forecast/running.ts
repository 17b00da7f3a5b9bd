import { spanOf } from './paces.ts';
import type { Pace, Span } from './types.ts';

/** An attempt under way. */
export interface Run {
  readonly elapsedSeconds: number;
  /** What it was expected to take when it began, its model's loading with it. */
  readonly expectedSeconds: number;
  readonly cost: number;
  /** 0 to 1, where its node tells. */
  readonly progress: number | null;
}

/**
 * What is left of a run. Where it tells how far it is, what is left follows more and more from that. One that
 * is late without a word is taken to last as long again as it is late, as the planner has it.
 */
export function remaining({ elapsedSeconds, expectedSeconds, cost, progress }: Run, pace: Pace): Span {
  const { variance, bias } = spanOf(pace, cost);
  const done = progress ?? 0;
  if (done > 0) {
    const left = 1 - done;
    const whole = left * expectedSeconds + elapsedSeconds;
    return { seconds: left * whole, variance: variance * left ** 2, bias: bias * left };
  }
  return { seconds: Math.abs(expectedSeconds - elapsedSeconds), variance, bias };
}
