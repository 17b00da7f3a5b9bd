import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jobPriority, lowered } from '../../src/tasks/priority.ts';

const priorities = ['LOW', 'NORMAL', 'HIGH', 'URGENT'] as const;
const below = fc.constantFrom('LOW', 'NORMAL', 'HIGH');
const any = fc.constantFrom(...priorities);
/** Eight years in which the integer does not run out. */
const time = fc.date({
  min: new Date('2026-01-01T00:00:00Z'),
  max: new Date('2033-12-31T00:00:00Z'),
  noInvalidDate: true,
});
const ever = fc.date({
  min: new Date('1970-01-01T00:00:00Z'),
  max: new Date('2200-01-01T00:00:00Z'),
  noInvalidDate: true,
});

test('a job priority is always an integer of 32 bits', () => {
  fc.assert(
    fc.property(any, ever, (priority, arrival) => {
      const value = jobPriority(priority, arrival);
      expect(value | 0).toBe(value);
    }),
  );
});

test('URGENT is above everything else, whenever it arrives', () => {
  fc.assert(
    fc.property(below, ever, ever, (priority, arrival, urgent) => {
      expect(jobPriority('URGENT', urgent)).toBeGreaterThan(jobPriority(priority, arrival));
    }),
  );
});

test('of the same priority, whoever arrives earlier is never behind', () => {
  fc.assert(
    fc.property(any, ever, ever, (priority, a, b) => {
      const [first, second] = a < b ? [a, b] : [b, a];
      expect(jobPriority(priority, first)).toBeGreaterThanOrEqual(jobPriority(priority, second));
    }),
  );
});

test('of those that arrive together, the higher priority is first', () => {
  fc.assert(
    fc.property(time, (arrival) => {
      const values = priorities.map((priority) => jobPriority(priority, arrival));
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      expect(new Set(values).size).toBe(priorities.length);
    }),
  );
});

test('LOW never starves: an hour after it arrived nothing but URGENT can come before it', () => {
  fc.assert(
    fc.property(
      time,
      below,
      fc.integer({ min: 3_600_000, max: 30 * 24 * 3_600_000 }),
      (arrival, priority, later) => {
        const next = new Date(arrival.getTime() + later);
        expect(jobPriority('LOW', arrival)).toBeGreaterThanOrEqual(jobPriority(priority, next));
      },
    ),
  );
});

test('a priority is lowered to what is allowed and never raised', () => {
  fc.assert(
    fc.property(any, any, (priority, highest) => {
      const rank = (of: (typeof priorities)[number]): number => priorities.indexOf(of);
      expect(rank(lowered(priority, highest))).toBe(Math.min(rank(priority), rank(highest)));
    }),
  );
});
