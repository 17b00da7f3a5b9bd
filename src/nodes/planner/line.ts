import type { HeadView, QueueView } from './types.ts';

/** A job with its place in the line. */
export interface Next {
  readonly queue: QueueView;
  readonly job: HeadView;
  /** The job's tag, with its handicap. */
  readonly tag: number;
}

/** All queues' heads as one line: a higher band first, then a lower tag, then older ones. */
export interface Line {
  /** The job that is to be placed next; undefined at the end of the line. */
  first(): Next | undefined;
  /** The first job of that queue has been dealt with. */
  advance(queue: QueueView): void;
  /** How many such jobs of that model there are up to that band and tag; counts up to `most`. */
  count(
    model: string,
    upTo: Pick<HeadView, 'band' | 'tag'>,
    most: number,
    isIt: (next: Next) => boolean,
  ): number;
}

export type Handicap = (queue: QueueView, job: HeadView) => number;

interface Place {
  readonly queue: QueueView;
  /** As far as they were looked at; all of them where a handicap changes their order. */
  readonly jobs: Next[];
  at: number;
}

function isBefore(a: Next, b: Next): boolean {
  if (a.job.band !== b.job.band) return a.job.band > b.job.band;
  if (a.tag !== b.tag) return a.tag < b.tag;
  if (a.job.createdAt !== b.job.createdAt) return a.job.createdAt < b.job.createdAt;
  return a.queue.id < b.queue.id;
}

function inOrder(queue: QueueView, handicap: Handicap): Next[] {
  return queue.heads
    .map((job) => ({ queue, job, tag: job.tag + handicap(queue, job) }))
    .sort((a, b) => b.job.band - a.job.band || a.tag - b.tag);
}

function nth({ queue, jobs }: Place, n: number): Next | undefined {
  const known = jobs[n];
  const job = queue.heads[n];
  if (known || !job) return known;
  const next = { queue, job, tag: job.tag };
  jobs[n] = next;
  return next;
}

export function createLine(queues: readonly QueueView[], handicap?: Handicap): Line {
  const places = new Map<QueueView, Place>();
  const byModel = new Map<string, Place[]>();
  for (const queue of queues) {
    const place = { queue, jobs: handicap ? inOrder(queue, handicap) : [], at: 0 };
    places.set(queue, place);
    byModel.set(queue.model, [...(byModel.get(queue.model) ?? []), place]);
  }
  return {
    first() {
      let first: Next | undefined;
      for (const place of places.values()) {
        const next = nth(place, place.at);
        if (next && (!first || isBefore(next, first))) first = next;
      }
      return first;
    },
    advance(queue) {
      const place = places.get(queue);
      if (place) place.at++;
    },
    count(model, { band, tag }, most, isIt) {
      let count = 0;
      for (const place of byModel.get(model) ?? []) {
        for (let n = place.at; count < most; n++) {
          const next = nth(place, n);
          if (!next || next.job.band < band || (next.job.band === band && next.tag > tag)) break;
          if (isIt(next)) count++;
        }
      }
      return count;
    },
  };
}
