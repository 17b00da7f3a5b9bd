import type { HeadView, QueueView } from './types.ts';

/** The job that is to be placed next. */
export interface Next {
  readonly queue: QueueView;
  readonly job: HeadView;
  /** The job's tag, with its handicap. */
  readonly tag: number;
}

/** All queues' heads as one line: a higher band first, then a lower tag, then older ones. */
export interface Line {
  /** Undefined at the end of the line. */
  first(): Next | undefined;
  /** The first job has been dealt with. */
  advance(queue: QueueView): void;
  /** Leaves out the rest of that queue. */
  drop(queue: QueueView): void;
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
  readonly jobs: readonly Next[];
  at: number;
}

function isBefore(a: Next, b: Next): boolean {
  if (a.job.band !== b.job.band) return a.job.band > b.job.band;
  if (a.tag !== b.tag) return a.tag < b.tag;
  if (a.job.createdAt !== b.job.createdAt) return a.job.createdAt < b.job.createdAt;
  return a.queue.id < b.queue.id;
}

function toPlace(queue: QueueView, handicap: Handicap | undefined): Place {
  const jobs = queue.heads.map((job) => ({ queue, job, tag: job.tag + (handicap?.(queue, job) ?? 0) }));
  if (handicap) jobs.sort((a, b) => b.job.band - a.job.band || a.tag - b.tag);
  return { queue, jobs, at: 0 };
}

export function createLine(queues: readonly QueueView[], handicap?: Handicap): Line {
  const places = new Map(queues.map((queue) => [queue, toPlace(queue, handicap)]));
  const byModel = Map.groupBy(places.values(), ({ queue }) => queue.model);
  return {
    first() {
      let first: Next | undefined;
      for (const { jobs, at } of places.values()) {
        const next = jobs[at];
        if (next && (!first || isBefore(next, first))) first = next;
      }
      return first;
    },
    advance(queue) {
      const place = places.get(queue);
      if (place) place.at++;
    },
    drop(queue) {
      const place = places.get(queue);
      if (place) place.at = place.jobs.length;
    },
    count(model, { band, tag }, most, isIt) {
      let count = 0;
      for (const { jobs, at } of byModel.get(model) ?? []) {
        for (let n = at; count < most; n++) {
          const next = jobs[n];
          if (!next || next.job.band < band || (next.job.band === band && next.tag > tag)) break;
          if (isIt(next)) count++;
        }
      }
      return count;
    },
  };
}
