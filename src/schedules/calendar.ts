import { parsePattern } from './pattern.ts';
import { createTimeZone } from './time-zone.ts';

/** When a schedule runs, in milliseconds since 1970. */
export interface Calendar {
  /** Its first time after that instant; null where none comes within ten years. */
  next(after: number): number | null;
}

const MINUTE_MS = 60_000;

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
