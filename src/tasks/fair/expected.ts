import { kindOf } from '../../kinds/index.ts';
import type { Log } from '../../log.ts';
import type { Nodes, SpeedView } from '../../nodes/index.ts';
import type { QueueRow } from '../../queue/index.ts';

/**
 * Of a task whose model was never measured: places have a resolution, and tasks that were guessed to take next
 * to nothing would all share one, before whoever comes next.
 */
const LEAST_GUESS_SECONDS = 1;

/** Seconds that a task of that queue takes on a node, whichever it will be. */
export type Expect = (queue: Pick<QueueRow, 'kind' | 'model'>, cost: number) => number;

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/**
 * What shares are charged with: the median of the nodes' measured speeds, as they were at the last question, so
 * that a submission need not wait for them; else the kind's guess.
 */
export function createExpectation(nodes: Pick<Nodes, 'speeds'>, log: Log): Expect {
  let speeds: readonly SpeedView[] = [];

  function refresh(): void {
    nodes.speeds().then(
      (read) => {
        speeds = read;
      },
      (error: unknown) => log.warn({ err: error }, 'measured speeds could not be read'),
    );
  }

  return ({ kind, model }, cost) => {
    refresh();
    const measured = speeds.filter((speed) => speed.kind === kind && speed.model === model);
    const secondsPerUnit = medianOf(measured.map((speed) => speed.secondsPerUnit));
    if (secondsPerUnit !== undefined) return cost * secondsPerUnit;
    return Math.max(LEAST_GUESS_SECONDS, cost * kindOf(kind).secondsPerUnit);
  };
}
