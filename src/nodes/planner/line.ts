import type { HeadView, QueueView } from './types.ts';

/** The job that is to be placed next. */
export interface Next {
  readonly queue: QueueView;
  readonly job: HeadView;
}

/** All queues' waiting jobs as one line: higher priority first, then older ones. */
export interface Line {
  /** Undefined at the end of the line. */
  first(): Next | undefined;
  /** The first job has been dealt with. */
  advance(queue: QueueView): void;
  /** Leaves out the rest of that queue. */
  drop(queue: QueueView): void;
}

function isBefore(a: Next, b: Next): boolean {
  if (a.job.priority !== b.job.priority) return a.job.priority > b.job.priority;
  if (a.job.createdAt !== b.job.createdAt) return a.job.createdAt < b.job.createdAt;
  return a.queue.id < b.queue.id;
}

/** The job at that position; those that were not read are taken to be like the last that was. */
function jobAt(queue: QueueView, position: number): HeadView | undefined {
  return position < queue.waiting ? (queue.heads[position] ?? queue.heads.at(-1)) : undefined;
}

export function createLine(queues: readonly QueueView[]): Line {
  const positions = new Map(queues.map((queue) => [queue, 0]));
  return {
    first() {
      let first: Next | undefined;
      for (const [queue, position] of positions) {
        const job = jobAt(queue, position);
        if (job && (!first || isBefore({ queue, job }, first))) first = { queue, job };
      }
      return first;
    },
    advance: (queue) => void positions.set(queue, (positions.get(queue) ?? 0) + 1),
    drop: (queue) => void positions.delete(queue),
  };
}
