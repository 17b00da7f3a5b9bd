import { type InputIssue, InvalidInputError } from '../errors.ts';
import type { SubmissionOptions } from '../submission/index.ts';
import { type Calendar, createCalendar } from './calendar.ts';
import { CronError } from './pattern.ts';
import { isTimeZone, similarTimeZones } from './time-zone.ts';

/** When something is to be submitted again and again. */
export interface Timing {
  readonly name: string;
  /** Five fields, or a word such as `@daily`. */
  readonly cron: string;
  /** As the IANA database names it: `Europe/Berlin`. */
  readonly timeZone: string;
}

const MAX_NAME = 100;
const MAX_CRON = 200;

function nameIssues(name: string): InputIssue[] {
  if (name.length >= 1 && name.length <= MAX_NAME) return [];
  return [{ path: 'name', message: `must have 1 to ${MAX_NAME} characters` }];
}

function timeZoneIssues(timeZone: string): InputIssue[] {
  if (isTimeZone(timeZone)) return [];
  if (timeZone.length > MAX_NAME)
    return [{ path: 'timeZone', message: `must have at most ${MAX_NAME} characters` }];
  const similar = similarTimeZones(timeZone);
  const hint = similar.length > 0 ? `; did you mean ${similar.join(' or ')}?` : ', such as Europe/Berlin';
  return [{ path: 'timeZone', message: `must be a name of the IANA time zone database${hint}` }];
}

/** The calendar, in UTC where there is no such time zone, to find what else is wrong. */
function calendarOf({ cron, timeZone }: Timing, now: number): Calendar | InputIssue {
  if (cron.length > MAX_CRON) return { path: 'cron', message: `must have at most ${MAX_CRON} characters` };
  try {
    const calendar = createCalendar(cron, isTimeZone(timeZone) ? timeZone : 'UTC');
    if (calendar.next(now) !== null) return calendar;
    return { path: 'cron', message: 'must have a day that comes' };
  } catch (error) {
    if (error instanceof CronError) return { path: 'cron', message: error.message };
    throw error;
  }
}

export type CheckedTiming =
  | { readonly isValid: true; readonly timing: Timing; readonly calendar: Calendar }
  | { readonly isValid: false; readonly issues: readonly InputIssue[] };

/** Checks when a schedule is to run; what it then submits is another's to check. */
export function checkTiming(given: Timing, now: Date): CheckedTiming {
  const timing = { name: given.name.trim(), cron: given.cron.trim(), timeZone: given.timeZone.trim() };
  const calendar = calendarOf(timing, now.getTime());
  const isWrong = 'path' in calendar;
  const issues = [
    ...nameIssues(timing.name),
    ...(isWrong ? [calendar] : []),
    ...timeZoneIssues(timing.timeZone),
  ];
  if (isWrong || issues.length > 0) return { isValid: false, issues };
  return { isValid: true, timing, calendar };
}

/** What makes sense for one task only. */
const ONCE: Readonly<Record<string, string>> = {
  startAt: 'the schedule says when',
  deadline: 'it would be over for all later tasks; a task that must not run long has timeoutMs',
  idempotencyKey: 'each time there is another task, made once by itself',
  waitMs: 'nobody waits for the answer',
};

/** Which of the options can't be a schedule's. */
export function onceOnly(options: SubmissionOptions): InputIssue[] {
  const given = new Map<string, unknown>(Object.entries(options));
  return Object.entries(ONCE)
    .filter(([name]) => given.get(name) != null)
    .map(([name, reason]) => ({ path: name, message: `must be left out: ${reason}` }));
}

/** What `read` answers, or what is wrong with it, in paths below `at`. */
export async function issuesOf<T>(
  at: string,
  read: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly issues: readonly InputIssue[] }> {
  try {
    return { value: await read() };
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return { issues: error.issues.map(({ path, message }) => ({ path: `${at}.${path}`, message })) };
  }
}
