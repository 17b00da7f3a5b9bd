import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lowered } from '../../src/tasks/priority.ts';

const priorities = ['LOW', 'NORMAL', 'HIGH', 'URGENT'] as const;
const any = fc.constantFrom(...priorities);

test('a priority is lowered to what is allowed and never raised', () => {
  fc.assert(
    fc.property(any, any, (priority, highest) => {
      const rank = (of: (typeof priorities)[number]): number => priorities.indexOf(of);
      expect(rank(lowered(priority, highest))).toBe(Math.min(rank(priority), rank(highest)));
    }),
  );
});
