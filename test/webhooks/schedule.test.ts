import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRetryAfter, restMs, retryDelayMs } from '../../src/webhooks/schedule.ts';

const plain = { retryAfterMs: null, random: 0 };
const DAY_MS = 24 * 3600 * 1000;

test('the times of Standard Webhooks: ten attempts over three days', () => {
  const delays = Array.from({ length: 10 }, (_, n) => retryDelayMs(n + 1, plain));
  const seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
  expect(delays).toEqual([...seconds.map((delay) => delay * 1_000), null]);
});

test('the next attempt is never before its time, nor more than a tenth late, and Retry-After is kept', () => {
  const failure = fc.record({
    attempts: fc.integer({ min: 1, max: 9 }),
    random: fc.double({ min: 0, max: 1, noNaN: true }),
    retryAfterMs: fc.option(fc.integer({ min: 0, max: 10 * DAY_MS })),
  });
  fc.assert(
    fc.property(failure, ({ attempts, ...rest }) => {
      const least = Math.max(retryDelayMs(attempts, plain) ?? 0, Math.min(rest.retryAfterMs ?? 0, DAY_MS));
      const delay = retryDelayMs(attempts, rest) ?? 0;
      expect(delay).toBeGreaterThanOrEqual(least);
      expect(delay).toBeLessThanOrEqual(Math.ceil(least * 1.1));
    }),
  );
});

test('a receiver rests after five failures in a row, a minute at most, and as long as it asks for', () => {
  expect([1, 4, 5, 6, 7, 8, 9, 100].map((failures) => restMs(failures, null))).toEqual([
    0, 0, 5_000, 10_000, 20_000, 40_000, 60_000, 60_000,
  ]);
  expect(restMs(1, 90_000)).toBe(90_000);
  expect(restMs(9, 1_000)).toBe(60_000);
  expect(restMs(1, 10 * DAY_MS)).toBe(DAY_MS);
});

test.each([
  ['120', 120_000],
  [' 0 ', 0],
  ['Sun, 22 Nov 2026 10:01:00 GMT', 60_000],
  ['Sun, 22 Nov 2026 09:00:00 GMT', 0],
  ['soon', null],
  ['-5', null],
  [undefined, null],
  [['1', '2'], null],
])('Retry-After %j asks for %s ms', (header, expected) => {
  expect(parseRetryAfter(header, new Date('2026-11-22T10:00:00Z'))).toBe(expected);
});
