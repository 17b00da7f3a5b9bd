import { CronExpressionParser, type CronFieldCollection } from 'cron-parser';

/** What is wrong with a cron expression, in words for whoever wrote it. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

/** The local times that a cron expression means. Those are numbers, as if they were UTC. */
export interface Pattern {
  /** Whether it is for every hour of the day. */
  readonly isHourly: boolean;
  /** The first one after that local time; null where none comes within ten years. */
  next(local: number): number | null;
}

const WORDS: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
};

const EXAMPLE = 'such as "30 7 * * MON-FRI"';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** February 29 may be eight years away. */
const HORIZON_MS = 10 * 366 * DAY_MS;

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

function parse(cron: string): CronFieldCollection {
  const fields = fieldsOf(cron);
  try {
    return CronExpressionParser.parse(fields, { tz: 'UTC', currentDate: new Date(0) }).fields;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CronError(`must be a cron expression, ${EXAMPLE}: ${reason}`);
  }
}

const isLastOfMonth = (date: Date): boolean => new Date(date.getTime() + DAY_MS).getUTCDate() === 1;

const isInLastWeek = (date: Date): boolean =>
  new Date(date.getTime() + 7 * DAY_MS).getUTCMonth() !== date.getUTCMonth();

/** Which days are meant: where both of its fields say something, either will do. */
function dayMatcher({ dayOfMonth, dayOfWeek }: CronFieldCollection): (date: Date) => boolean {
  const days = new Set<unknown>(dayOfMonth.values);
  const weekdays = new Set<unknown>(dayOfWeek.values);
  const { nthDay } = dayOfWeek;
  const isDay = (date: Date): boolean =>
    days.has(date.getUTCDate()) || (dayOfMonth.hasLastChar && isLastOfMonth(date));
  const isWeekday = (date: Date): boolean => {
    const isNth = nthDay <= 0 || Math.ceil(date.getUTCDate() / 7) === nthDay;
    if (weekdays.has(date.getUTCDay()) && isNth) return true;
    return weekdays.has(`${date.getUTCDay()}L`) && isInLastWeek(date);
  };
  if (dayOfWeek.isWildcard) return isDay;
  if (dayOfMonth.isWildcard) return isWeekday;
  return (date) => isDay(date) || isWeekday(date);
}

/**
 * Reads a cron expression. Days are walked here: the parser's own walk of those of a February 29 holds up whatever
 * else a process does for a tenth of a second.
 * @throws CronError
 */
export function parsePattern(cron: string): Pattern {
  const fields = parse(cron);
  const months = new Set<number>(fields.month.values);
  const isMeant = dayMatcher(fields);
  const minutes = fields.hour.values.flatMap((hour) =>
    fields.minute.values.map((minute) => hour * 60 + minute),
  );
  return {
    isHourly: fields.hour.values.length === 24,
    next(local) {
      const from = Math.floor(local / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
      let day = Math.floor(from / DAY_MS) * DAY_MS;
      while (day - from < HORIZON_MS) {
        const date = new Date(day);
        if (!months.has(date.getUTCMonth() + 1)) {
          day = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
          continue;
        }
        const earliest = (from - day) / MINUTE_MS;
        const minute = isMeant(date) ? minutes.find((one) => one >= earliest) : undefined;
        if (minute !== undefined) return day + minute * MINUTE_MS;
        day += DAY_MS;
      }
      return null;
    },
  };
}
