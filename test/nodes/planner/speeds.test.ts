import { expect, test } from 'vitest';
import { createSpeeds } from '../../../src/nodes/planner/speeds.ts';
import { queue, speed } from './support.ts';

const qwen = queue({ secondsPerUnit: 7 });

test('the guess of the kind is taken where nothing was measured', () => {
  expect(createSpeeds([])('a', qwen)).toBe(7);
});

test('a node that was not measured is expected to be as the median of the others', () => {
  const speeds = createSpeeds([speed('b', 1), speed('c', 2), speed('d', 30)]);
  expect(speeds('a', qwen)).toBe(2);
});

test('how a node compares on other models counts for this one', () => {
  const other = { model: 'flux' };
  const speeds = createSpeeds([speed('a', 1, other), speed('b', 4, other), speed('b', 2)]);
  expect(speeds('a', qwen)).toBe(0.5);
});

test("the node's own measurements soon outweigh what was expected", () => {
  const after = (samples: number) => createSpeeds([speed('a', 1, { samples }), speed('b', 9)])('a', qwen);
  expect([after(1), after(2), after(4)]).toEqual([5, 3, 1.5]);
  expect(after(20)).toBeCloseTo(1, 4);
});
