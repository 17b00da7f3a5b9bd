import type { Facts } from './facts.ts';
import type { Forecast } from './forecast.ts';
import { after, createPaces, p90Of, spanOf } from './paces.ts';
import { remaining } from './running.ts';
import type { Start } from './types.ts';

/** When a task is expected to start and to end; null rather than a guess. */
export interface Estimate {
  readonly startAt: Date | null;
  /** Nine of ten start by then. */
  readonly startAtP90: Date | null;
  readonly completionAt: Date | null;
  readonly completionAtP90: Date | null;
}

/** A forecast, and when it was made. Milliseconds of the database's clock. */
export interface Made {
  readonly forecast: Forecast;
  readonly at: number;
}

export interface Timing {
  readonly cost: number;
  /** What the start's seconds count from. */
  readonly from: number;
  /** Neither starts before. */
  readonly earliest: number;
}

const SECOND_MS = 1_000;

const date = (ms: number): Date => new Date(Math.round(ms));

export function estimateOf({ at, pace, swapSeconds }: Start, { cost, from, earliest }: Timing): Estimate {
  const startAt = Math.max(earliest, from + at.seconds * SECOND_MS);
  const startAtP90 = Math.max(startAt, from + p90Of(at) * SECOND_MS);
  const starts = { startAt: date(startAt), startAtP90: date(startAtP90) };
  if (!pace) return { ...starts, completionAt: null, completionAtP90: null };
  const seconds = swapSeconds + pace.p50 * cost;
  const spread = after(at, spanOf(pace, cost));
  return {
    ...starts,
    completionAt: date(startAt + seconds * SECOND_MS),
    completionAtP90: date(startAt + p90Of({ ...spread, seconds }) * SECOND_MS),
  };
}

function ofRunning(
  { queue, attempt }: Facts,
  { forecast: { situation } }: Made,
  now: number,
): Estimate | null {
  if (!attempt) return null;
  const { nodeId, startedAt, run } = attempt;
  const starts = { startAt: date(startedAt), startAtP90: date(startedAt) };
  // Its node has answered: what is left is to store the result.
  if (!run) return { ...starts, completionAt: date(now), completionAtP90: date(now) };
  const pace = createPaces(situation.nodes, situation.speeds)(nodeId, queue);
  if (!pace) return { ...starts, completionAt: null, completionAtP90: null };
  const left = remaining(run, pace);
  return {
    ...starts,
    completionAt: date(now + left.seconds * SECOND_MS),
    completionAtP90: date(now + p90Of(left) * SECOND_MS),
  };
}

function ofQueued(task: Facts, { forecast, at }: Made, { now, position }: Moment): Estimate | null {
  if (!task.job) return null;
  const { cost, queue, job } = task;
  const earliest = Math.max(now, job.dueAt);
  const known = forecast.startOf(job.id);
  if (known !== undefined) return known && estimateOf(known, { cost, earliest, from: at });
  const start = position === null ? null : forecast.startAt(queue, position);
  // Positions are those of now.
  return start && estimateOf(start, { cost, earliest, from: now });
}

/** Nobody knows whose turn it will be, unless all that waits now is expected to have started by then. */
function ofScheduled({ queue, cost, startAt }: Facts, { forecast }: Made, now: number): Estimate | null {
  if (startAt === null) return null;
  const { situation } = forecast;
  const heads = situation.queues.find(({ id }) => id === queue.id)?.heads.length ?? 0;
  const start = forecast.startAt(queue, heads + (situation.behind.get(queue.id) ?? 0) + 1);
  if (!start || now + start.at.seconds * SECOND_MS > startAt) return null;
  return estimateOf(start, { cost, from: now, earliest: startAt });
}

export interface Moment {
  readonly now: number;
  /** In its queue, 1 being next; null where it is not known. */
  readonly position: number | null;
}

export function estimateTask(task: Facts, made: Made, moment: Moment): Estimate | null {
  switch (task.status) {
    case 'RUNNING':
      return ofRunning(task, made, moment.now);
    case 'QUEUED':
      return ofQueued(task, made, moment);
    case 'SCHEDULED':
      return ofScheduled(task, made, moment.now);
    case 'BLOCKED':
    case 'SUCCEEDED':
    case 'FAILED':
    case 'CANCELED':
      return null;
    default:
      return task.status satisfies never;
  }
}
