import { nearest } from '../nearest.ts';

/** What the clocks of a time zone show. Local times are numbers, as if they were UTC: `Date.UTC(2026, 2, 29, 2, 30)`. */
export interface TimeZone {
  /** By how many milliseconds its clocks are ahead of UTC then. */
  offset(instant: number): number;
  /** The first instant at which its clocks show that local time or, where they skip it, a later one. */
  first(local: number): number;
  /** Between two instants with unlike offsets: the first one that has not the former's any more. */
  change(from: number, to: number): number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** At the end of a date: `GMT+05:30`, or `GMT` alone. */
const written = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

function parseOffset(text: string): number {
  const match = written.exec(text);
  if (!match) throw new Error(`a date without its offset from UTC: "${text}"`);
  const [, sign = '+', hours = '0', minutes = '0', seconds = '0'] = match;
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -ms : ms;
}

/** @throws RangeError where there is no time zone of that name */
export function createTimeZone(name: string): TimeZone {
  const format = new Intl.DateTimeFormat('en', { timeZone: name, timeZoneName: 'longOffset' });

  const offset = (instant: number): number => parseOffset(format.format(instant));

  function change(from: number, to: number): number {
    const before = offset(from);
    let [same, other] = [from, to];
    while (other - same > 1) {
      const middle = Math.floor((same + other) / 2);
      if (offset(middle) === before) same = middle;
      else other = middle;
    }
    return other;
  }

  return {
    offset,
    change,
    first(local) {
      // No zone is further from UTC than a day, or changes its clocks twice within two.
      const [before, after] = [offset(local - DAY_MS), offset(local + DAY_MS)];
      const [early, late] = [local - Math.max(before, after), local - Math.min(before, after)];
      for (const instant of [early, late]) if (instant + offset(instant) === local) return instant;
      return change(early, late);
    },
  };
}

/** Whether there is a time zone of that name; a mere offset such as `+02:00` knows no summer, and is none. */
export function isTimeZone(name: string): boolean {
  if (/^[+-]/.test(name)) return false;
  try {
    createTimeZone(name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Time zones whose names have a word of that one, the most similar first. */
export function similarTimeZones(name: string): string[] {
  const words = name
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word.length > 2);
  const zones = Intl.supportedValuesOf('timeZone');
  const similar = zones.filter((zone) => words.some((word) => zone.toLowerCase().includes(word)));
  return nearest(similar, name, 3);
}
