import fc from 'fast-check';
import { expect, test } from 'vitest';
import { p90Of } from '../../../src/tasks/forecast/paces.ts';
import { remaining } from '../../../src/tasks/forecast/running.ts';

const pace = { p50: 1, mean: 1, p90: 1.5 };
const run = { elapsedSeconds: 4, expectedSeconds: 10, cost: 10, progress: null };

test('what is left of a run is what was expected of it, less what has passed', () => {
  expect(remaining(run, pace).seconds).toBe(6);
  expect(p90Of(remaining(run, pace))).toBeGreaterThan(10.9);
});

test('one that is late is taken to last as long again as it is late', () => {
  expect(remaining({ ...run, elapsedSeconds: 13 }, pace).seconds).toBe(3);
});

test('real progress counts the more, the further it is', () => {
  // Twice as slow as was expected.
  const at = (progress: number) =>
    remaining({ ...run, elapsedSeconds: 20 * progress, progress }, pace).seconds;
  expect([at(0.1), at(0.5), at(0.9), at(1)].map((s) => Number(s.toFixed(1)))).toEqual([9.9, 7.5, 1.9, 0]);
});

test('nothing ends in the past', () => {
  const time = fc.double({ min: 0, max: 1e5, noNaN: true });
  const progress = fc.option(fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(time, time, progress, (elapsedSeconds, expectedSeconds, share) => {
      const left = remaining({ elapsedSeconds, expectedSeconds, cost: 10, progress: share }, pace);
      expect(left.seconds).toBeGreaterThanOrEqual(0);
      expect(p90Of(left)).toBeGreaterThanOrEqual(left.seconds);
    }),
  );
});
