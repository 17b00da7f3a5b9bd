import type { HeadView, QueueView } from './types.ts';

/** The job that is to be placed next. */
export interface Next {
  readonly queue: QueueView;
  readonly job: HeadView;
}

/** All queues' waiting jobs as one line: a higher band first, then a lower tag, then older ones. */
export interface Line {
  /** Undefined at the end of the line. */
  first(): Next | undefined;
  /** The first job has been dealt with. */
  advance(queue: QueueView): void;
  /** Leaves out the rest of that queue. */
  drop(queue: QueueView): void;
}

function isBefore(a: Next, b: Next): boolean {
  if (a.job.band !== b.job.band) return a.job.band > b.job.band;
  if (a.job.tag !== b.job.tag) return a.job.tag < b.job.tag;
  if (a.job.createdAt !== b.job.createdAt) return a.job.createdAt < b.job.createdAt;
  return a.queue.id < b.queue.id;
}

export function createLine(queues: readonly QueueView[]): Line {
  const positions = new Map(queues.map((queue) => [queue, 0]));
  return {
    first() {
      let first: Next | undefined;
      for (const [queue, position] of positions) {
        const job = queue.heads[position];
        if (job && (!first || isBefore({ queue, job }, first))) first = { queue, job };
      }
      return first;
    },
    advance: (queue) => void positions.set(queue, (positions.get(queue) ?? 0) + 1),
    drop: (queue) => void positions.delete(queue),
  };
}
