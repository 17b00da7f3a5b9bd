import { expect, test } from 'vitest';
import { rangeOf } from '../../src/http/range.ts';

test.each([
  ['bytes=0-4', { start: 0, end: 4 }],
  ['bytes=20-', { start: 20, end: 25 }],
  ['bytes=-3', { start: 23, end: 25 }],
  ['bytes=-100', { start: 0, end: 25 }],
  ['bytes=25-99', { start: 25, end: 25 }],
  ['bytes=26-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-2', null],
  ['bytes=0-1,4-5', null],
  ['lines=1-2', null],
  ['bytes=-', null],
  ['', null],
  [undefined, null],
])('of 26 bytes, the range %s is %j', (header, range) => {
  expect(rangeOf(header, 26)).toEqual(range);
});
