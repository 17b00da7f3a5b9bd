import { CronExpressionParser } from 'cron-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCalendar, lastTime, timesAfter } from '../../src/schedules/calendar.ts';
import { isTimeZone, similarTimeZones } from '../../src/schedules/time-zone.ts';

const MINUTE_MS = 60_000;

function runs(cron: string, timeZone: string, after: string, count: number): string[] {
  const times = timesAfter(createCalendar(cron, timeZone), Date.parse(after), count);
  return times.map((time) => new Date(time).toISOString().replace(':00.000Z', 'Z'));
}

describe('a schedule for a time of the day', () => {
  it('runs at that time, in summer and in winter', () => {
    expect(runs('30 7 * * MON-FRI', 'Europe/Berlin', '2026-03-26T12:00:00Z', 3)).toEqual([
      '2026-03-27T06:30Z',
      '2026-03-30T05:30Z',
      '2026-03-31T05:30Z',
    ]);
  });

  it('runs once on the day on which the clocks skip that time, as soon as they have been put forward', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-28T01:30Z',
      '2026-03-29T01:00Z',
      '2026-03-30T00:30Z',
    ]);
    // Midnight itself is skipped there, and half an hour is all that the clocks are changed by on this island.
    expect(runs('0 0 * * *', 'America/Sao_Paulo', '2018-11-03T12:00:00Z', 2)).toEqual([
      '2018-11-04T03:00Z',
      '2018-11-05T02:00Z',
    ]);
    expect(runs('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T12:00:00Z', 2)).toEqual([
      '2026-10-03T15:30Z',
      '2026-10-04T15:15Z',
    ]);
  });

  it('runs once on the day on which the clocks show that time twice, at the first', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30Z',
      '2026-10-26T01:30Z',
    ]);
    expect(runs('*/20 2,3 * * *', 'Europe/Berlin', '2026-10-24T22:00:00Z', 6)).toEqual([
      '2026-10-25T00:00Z',
      '2026-10-25T00:20Z',
      '2026-10-25T00:40Z',
      '2026-10-25T02:00Z',
      '2026-10-25T02:20Z',
      '2026-10-25T02:40Z',
    ]);
  });

  it('runs once for a whole day that a country left out', () => {
    expect(runs('0 9 * * *', 'Pacific/Apia', '2011-12-29T12:00:00Z', 3)).toEqual([
      '2011-12-29T19:00Z',
      '2011-12-30T10:00Z',
      '2011-12-30T19:00Z',
    ]);
  });
});

describe('a schedule for every hour', () => {
  it('runs on through the hour that comes twice, and has nothing to make up for after the one that is skipped', () => {
    expect(runs('15 * * * *', 'Europe/Berlin', '2026-10-24T23:00:00Z', 4)).toEqual([
      '2026-10-24T23:15Z',
      '2026-10-25T00:15Z',
      '2026-10-25T01:15Z',
      '2026-10-25T02:15Z',
    ]);
    expect(runs('15 * * * *', 'Europe/Berlin', '2026-03-29T00:00:00Z', 3)).toEqual([
      '2026-03-29T00:15Z',
      '2026-03-29T01:15Z',
      '2026-03-29T02:15Z',
    ]);
  });
});

/** Minute by minute what the clocks of a zone show, from `from` on: an independent way to know. */
function clocks(timeZone: string, from: number, minutes: number) {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, hourCycle: 'h23', weekday: 'short', year: 'numeric', month: '2-digit' },
    ...{ day: '2-digit', hour: '2-digit', minute: '2-digit' },
  });
  return Array.from({ length: minutes }, (_, n) => {
    const instant = from + n * MINUTE_MS;
    const part = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
    const local = Date.parse(`${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}:00Z`);
    return { instant, local };
  });
}

// A day before and two after a change: to summer, to winter, at midnight, and of half an hour.
const changes = [
  ['Europe/Berlin', '2026-03-28T00:00Z'],
  ['Europe/Berlin', '2026-10-24T00:00Z'],
  ['America/Sao_Paulo', '2018-11-03T00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T00:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T00:00Z'],
] as const;

const minuteSets = fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 4 });
const hourSets = fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1, maxLength: 6 });

describe('the times of any schedule', () => {
  for (const [timeZone, start] of changes) {
    const shown = clocks(timeZone, Date.parse(start), 3 * 24 * 60);
    const [first, last] = [shown[0]?.instant ?? 0, shown.at(-1)?.instant ?? 0];
    const calendarTimes = (cron: string): number[] =>
      timesAfter(createCalendar(cron, timeZone), first - 1, 1_000).filter((time) => time <= last);

    it(`are those that the clocks of ${timeZone} show around ${start}`, () => {
      const property = fc.property(minuteSets, hourSets, (minutes, hours) => {
        const matches = (local: number): boolean =>
          minutes.includes(new Date(local).getUTCMinutes()) && hours.includes(new Date(local).getUTCHours());
        const expected = new Set<number>();
        let latest = (shown[0]?.local ?? 0) - MINUTE_MS;
        for (const { instant, local } of shown) {
          // Whatever the clocks show for the first time, or have passed over to get there.
          for (let time = latest + MINUTE_MS; time <= local; time += MINUTE_MS) {
            if (matches(time)) expected.add(instant);
          }
          latest = Math.max(latest, local);
        }
        expect(calendarTimes(`${minutes.join()} ${hours.join()} * * *`)).toEqual([...expected]);
      });
      fc.assert(property, { numRuns: 10 });
    });

    it(`of every hour are all that the clocks of ${timeZone} show around ${start}`, () => {
      const property = fc.property(minuteSets, (minutes) => {
        const matching = shown.filter(({ local }) => minutes.includes(new Date(local).getUTCMinutes()));
        const expected = matching.map(({ instant }) => instant);
        expect(calendarTimes(`${minutes.join()} * * * *`)).toEqual(expected);
      });
      fc.assert(property, { numRuns: 5 });
    });
  }

  it('have a last one that is found without walking through all of them', () => {
    const property = fc.property(
      fc.constantFrom('* * * * *', '*/7 3-5 * * *', '30 2 * * *', '0 0 1 * *', '0 12 29 2 *'),
      fc.integer({ min: 0, max: 400 * 24 * 60 }),
      (cron, minutes) => {
        const calendar = createCalendar(cron, 'Europe/Berlin');
        const earliest = calendar.next(Date.parse('2025-06-01T00:00Z')) ?? 0;
        const until = earliest + minutes * MINUTE_MS + 1;
        const found = lastTime(calendar, earliest, until);
        expect(found).toBeLessThanOrEqual(until);
        expect(calendar.next(found)).toBeGreaterThan(until);
      },
    );
    fc.assert(property, { numRuns: 15 });
  });
});

const field = (min: number, max: number, ...others: string[]) => {
  const value = fc.integer({ min, max });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max }).map((n) => `*/${n}`);
  const one = fc.oneof(value.map(String), range, step, ...others.map((other) => fc.constant(other)));
  // What is in a list twice is refused.
  const list = fc.uniqueArray(value, { minLength: 2, maxLength: 3 }).map((values) => values.join());
  return fc.oneof(fc.constant('*'), one, list);
};

describe('a cron expression', () => {
  it('means what its parser takes it for', () => {
    const expressions = fc.tuple(
      field(0, 59),
      field(0, 23),
      fc.oneof(field(1, 28), fc.constant('L'), fc.constant('?')),
      field(1, 12, 'JAN', 'FEB-MAY'),
      fc.oneof(field(0, 6, 'MON', 'TUE-FRI', '7'), fc.constantFrom('5L', 'MON#2', '0#5', '?')),
    );
    const property = fc.property(expressions, fc.integer({ min: 0, max: 3_000_000 }), (fields, minutes) => {
      const cron = fields.join(' ');
      const after = Date.parse('2024-01-01T00:00Z') + minutes * MINUTE_MS + (minutes % 3) * 20_000;
      const theirs = CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: new Date(after) });
      const ours = timesAfter(createCalendar(cron, 'UTC'), after, 3);
      expect([cron, ...ours]).toEqual([cron, ...Array.from(ours, () => theirs.next().getTime())]);
    });
    fc.assert(property, { numRuns: 100 });
  });

  it.each([
    ['', 'must have five fields, minute hour day-of-month month day-of-week, such as "30 7 * * MON-FRI"'],
    ['* * *', 'must have five fields'],
    ['0 * * * * *', 'must have five fields'],
    ['60 * * * *', 'must be a cron expression, such as "30 7 * * MON-FRI": Constraint error, got value 60'],
    ['0 0 31 2 *', 'Invalid explicit day of month'],
    ['nightly at two in Berlin', 'must be a cron expression'],
    ['H * * * *', 'must not have H: name the time'],
    ['0 H(0-5) * * *', 'must not have H'],
    ['@secondly', 'must be one of @hourly, @daily, @weekly, @monthly, @yearly'],
    ['@reboot', 'must be one of @hourly'],
  ])('that reads "%s" is refused', (cron, message) => {
    expect(() => createCalendar(cron, 'UTC')).toThrow(message);
  });

  it('may be a word, and has no next time where its day never comes', () => {
    expect(runs('@daily', 'Europe/Berlin', '2026-07-01T12:00:00Z', 1)).toEqual(['2026-07-01T22:00Z']);
    expect(runs('0 7 * * THU', 'UTC', '2026-07-01T12:00:00Z', 1)).toEqual(['2026-07-02T07:00Z']);
    expect(runs('0 0 29 2 *', 'UTC', '2026-07-01T12:00:00Z', 2)).toEqual([
      '2028-02-29T00:00Z',
      '2032-02-29T00:00Z',
    ]);
    expect(createCalendar('0 0 31 2,4 *', 'UTC').next(0)).toBeNull();
  });
});

describe('a time zone', () => {
  it('is one that the machine knows, and one like it is found', () => {
    expect(['UTC', 'Europe/Berlin', 'Asia/Calcutta', 'Mars/Olympus', 'local', ''].map(isTimeZone)).toEqual([
      ...[true, true, true, false, false, false],
    ]);
    expect(similarTimeZones('berlin')).toEqual(['Europe/Berlin']);
    expect(similarTimeZones('Europe/Berln')[0]).toBe('Europe/Berlin');
    expect(similarTimeZones('MEZ ')).toEqual([]);
  });

  it('is no offset, which would be wrong for half of the year', () => {
    expect(['+02:00', '-05:00', '+0200'].map(isTimeZone)).toEqual([false, false, false]);
  });
});
