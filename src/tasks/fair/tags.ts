import type { TaskPriority } from '../../database/index.ts';

/**
 * Start-time fair queueing: the arithmetic of it, without a clock or a database.
 *
 * A user's tasks of one queue and priority stand one behind the other on a scale of virtual seconds: each takes
 * what it is expected to cost on a node, divided by the weight of the user's tier. A task's tag is where it
 * begins, and lower tags are served first. Whoever had nothing waiting begins at the queue's virtual time, so
 * that nobody saves up for later, and nobody waits for what others had queued before.
 *
 * While all expectations are right, two users who both have tasks waiting are never further apart, in what they
 * got by weight, than one task of each. A wrong expectation moves a user ahead or back by the error of the tasks
 * that ended since his waiting ones were last placed anew.
 */

/** pg-boss orders by an integer of 32 bits, higher first; it counts tenths of a virtual second. */
const UNITS_PER_SECOND = 10;
const HIGHEST = 2_147_483_647;
const LOWEST = -2_147_483_648;

/** Places above this are those of URGENT tasks. */
const URGENT_ABOVE = 1_000_000_000;

/** By how many virtual seconds each priority is ahead of the next lower one, wherever others stand. */
const STEP_SECONDS = 300;

/** A head start, and no more: sooner or later the virtual time passes every task, so that LOW never starves. */
const leadSeconds = { LOW: -STEP_SECONDS, NORMAL: 0, HIGH: STEP_SECONDS } as const satisfies Record<
  Exclude<TaskPriority, 'URGENT'>,
  number
>;

/** URGENT ones need no head start: nobody is before them. */
export const leadOf = (priority: TaskPriority): number => (priority === 'URGENT' ? 0 : leadSeconds[priority]);

/** Where a NORMAL task begins whose tag is 0. */
const ORIGIN = URGENT_ABOVE - STEP_SECONDS * UNITS_PER_SECOND;

/** How far virtual time may come before everything is to be put back by it: half of the shorter scale. */
export const REBASE_SECONDS = (HIGHEST - URGENT_ABOVE) / UNITS_PER_SECOND / 2;

function between(lowest: number, value: number, highest: number): number {
  return Math.min(highest, Math.max(lowest, value));
}

export const isUrgentPlace = (place: number): boolean => place > URGENT_ABOVE;

/** The job's priority in pg-boss: beyond its limits jobs tie, and are served in the order of their creation. */
export function placeOf(tag: number, priority: TaskPriority): number {
  if (priority === 'URGENT') {
    return between(URGENT_ABOVE + 1, HIGHEST - Math.floor(tag * UNITS_PER_SECOND), HIGHEST);
  }
  const units = Math.floor((tag - leadSeconds[priority]) * UNITS_PER_SECOND);
  return between(LOWEST, ORIGIN - units, URGENT_ABOVE);
}

/** The tag that led to a place, to a tenth of a second. */
export function tagOf(place: number, priority: TaskPriority): number {
  if (priority === 'URGENT') return (HIGHEST - place) / UNITS_PER_SECOND;
  return (ORIGIN - place) / UNITS_PER_SECOND + leadSeconds[priority];
}

/**
 * How far virtual time has come when a task starts. A HIGH one that starts ahead of its time does not take the
 * time along, and a LOW one that found the queue empty does not hold those up that come behind it.
 */
export function timeAt(tag: number, priority: TaskPriority): number {
  return priority === 'HIGH' ? Math.max(0, tag - leadSeconds.HIGH) : tag;
}

/** When all that a user has queued is served, once he queues so many virtual seconds more. */
export function finishAfter(finish: number, now: number, virtualSeconds: number): number {
  return Math.max(finish, now) + virtualSeconds;
}

/** Tags for tasks that follow each other and end at `finish`. */
export function tagsUpTo(finish: number, virtualSeconds: readonly number[]): number[] {
  let tag = finish - virtualSeconds.reduce((sum, seconds) => sum + seconds, 0);
  return virtualSeconds.map((seconds) => {
    const own = tag;
    tag += seconds;
    return own;
  });
}

/** A step of a task, as far as its user's share is concerned. */
export interface ChargedStep {
  /** What the share was charged with when the task was queued. */
  readonly chargedSeconds: number;
  /** What the attempt that ended took; 0 where none did. */
  readonly measuredSeconds: number;
  /** Whether the task waits again, and costs what was charged once more. */
  readonly isQueuedAgain: boolean;
}

/** By how many seconds a charge was too low; negative where it was too high. */
export function correctionOf({ chargedSeconds, measuredSeconds, isQueuedAgain }: ChargedStep): number {
  return isQueuedAgain ? measuredSeconds : measuredSeconds - chargedSeconds;
}

/** Where a user's line would begin by what he was charged, and what else stands in the queue. */
export interface LineStart {
  readonly tag: number;
  /** Where it begins now. */
  readonly head: number;
  /** Where the first waiting job of somebody else is; Infinity where there is none. */
  readonly rival: number;
  /** What its first job takes. */
  readonly virtualSeconds: number;
}

/**
 * Where a corrected line begins. Whoever was charged too much is put first, and no further ahead of the others
 * than by one task: they came, or went, by a time that his charges had moved, and he may have had it all alone.
 */
export function lineStart({ tag, head, rival, virtualSeconds }: LineStart): number {
  return Math.max(tag, Math.min(head, rival - virtualSeconds));
}

/** A waiting job of a user, and what it is charged. */
export interface WaitingJob {
  readonly place: number;
  readonly priority: TaskPriority;
  readonly virtualSeconds: number;
}

/**
 * Places a user's waiting jobs of one priority anew, so that they end at his corrected finish, in the order in
 * which they stand.
 * @returns all of them with their new places, in an order in which none passes another one on the way
 */
export function placedAnew<Job extends WaitingJob>(
  finish: number,
  jobs: readonly Job[],
): (Job & { readonly to: number })[] {
  const line = jobs.toSorted((a, b) => b.place - a.place);
  const tags = tagsUpTo(
    finish,
    line.map(({ virtualSeconds }) => virtualSeconds),
  );
  const placed = line.map((job, n) => ({
    ...job,
    to: placeOf(Math.max(0, tags[n] ?? finish), job.priority),
  }));
  const isForward = placed.some(({ place, to }) => to > place);
  return isForward ? placed : placed.reverse();
}
