import { type CronExpression, CronExpressionParser } from 'cron-parser';
import { createTimeZone } from './time-zone.ts';

/** When a schedule runs, in milliseconds since 1970. */
export interface Calendar {
  /** Its first time after that instant; null where there is none within about four years. */
  next(after: number): number | null;
}

/** What is wrong with a cron expression, in words for whoever wrote it. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

const WORDS: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
};

const EXAMPLE = 'such as "30 7 * * MON-FRI"';
/** What the parser says when it has looked far enough. */
const NOWHERE = 'Invalid expression, loop limit exceeded';
const MINUTE_MS = 60_000;
const HOURS = 24;

interface Pattern {
  /** Whether it is for every hour of the day. */
  readonly isHourly: boolean;
  /** The first local time after that one which matches; null where there is none. */
  next(local: number): number | null;
}

function fieldsOf(cron: string): string {
  const given = WORDS[cron.trim().toLowerCase()] ?? cron.trim();
  if (given.startsWith('@')) throw new CronError(`must be one of ${Object.keys(WORDS).join(', ')}`);
  const fields = given.split(/\s+/);
  // The parser takes more or fewer; and its H is another time in each process.
  if (fields.length !== 5) {
    throw new CronError(`must have five fields, minute hour day-of-month month day-of-week, ${EXAMPLE}`);
  }
  if (fields.some((field) => /^H\b/i.test(field))) throw new CronError('must not have H: name the time');
  return fields.join(' ');
}

/** Local times have no summer and winter: they are walked as UTC is. */
function parsePattern(cron: string): Pattern {
  const fields = fieldsOf(cron);
  let expression: CronExpression;
  try {
    expression = CronExpressionParser.parse(fields, { tz: 'UTC', currentDate: new Date(0), strict: false });
  } catch (error) {
    throw new CronError(`must be a cron expression, ${EXAMPLE}: ${messageOf(error)}`);
  }
  return {
    isHourly: expression.fields.hour.values.length === HOURS,
    next(local) {
      expression.reset(new Date(local));
      try {
        return expression.next().getTime();
      } catch (error) {
        if (messageOf(error) === NOWHERE) return null;
        throw error;
      }
    },
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * When a cron expression runs in a time zone.
 *
 * Where the hours are named, each time runs once a day: one that the clocks skip as soon as they have been put
 * forward, one that they show twice at the first. Where every hour is meant it runs whenever the clocks show such
 * a time: an hour that comes twice has its runs twice, and one that is skipped has none.
 * @throws CronError; RangeError where there is no such time zone
 */
export function createCalendar(cron: string, timeZone: string): Calendar {
  const pattern = parsePattern(cron);
  const zone = createTimeZone(timeZone);

  function nextOnceADay(after: number): number | null {
    let local = pattern.next(after + zone.offset(after));
    while (local !== null) {
      const instant = zone.first(local);
      if (instant > after) return instant;
      local = pattern.next(local);
    }
    return null;
  }

  function nextHourly(after: number): number | null {
    for (let from = after; ; ) {
      const offset = zone.offset(from + 1);
      const local = pattern.next(from + offset);
      if (local === null) return null;
      const instant = local - offset;
      if (zone.offset(instant) === offset) return instant;
      // The clocks are changed before that: from then on they show something else.
      from = zone.change(from + 1, instant) - 1;
    }
  }

  return { next: pattern.isHourly ? nextHourly : nextOnceADay };
}

/** The first times after that instant, in order. */
export function timesAfter(calendar: Calendar, after: number, count: number): number[] {
  const times: number[] = [];
  for (let from: number | null = after; times.length < count; ) {
    from = calendar.next(from);
    if (from === null) break;
    times.push(from);
  }
  return times;
}

/** The last time up to that instant, where it is not before `first`, which is one. */
export function lastTime(calendar: Calendar, first: number, until: number): number {
  for (let span = MINUTE_MS; ; span *= 2) {
    const from = Math.max(first, until - span);
    let last: number | null = from === first ? first : null;
    for (let next = calendar.next(from); next !== null && next <= until; next = calendar.next(next))
      last = next;
    if (last !== null) return last;
  }
}
