import { expect, test } from 'vitest';
import { createBatcher } from '../../src/database/index.ts';

test('items that arrive while a group is written go together next', async () => {
  const groups: number[][] = [];
  const gates: (() => void)[] = [];
  const batcher = createBatcher<number, number>({
    maxSize: 10,
    maxInFlight: 1,
    async write(items) {
      groups.push([...items]);
      await new Promise<void>((resolve) => gates.push(resolve));
      return items.map((item) => item * 2);
    },
  });
  const first = batcher.add(1);
  await expect.poll(() => gates.length).toBe(1);
  const others = [batcher.add(2), batcher.add(3)];
  gates[0]?.();
  await expect.poll(() => gates.length).toBe(2);
  gates[1]?.();
  expect(await Promise.all([first, ...others])).toEqual([2, 4, 6]);
  expect(groups).toEqual([[1], [2, 3]]);
});

test('a bad item fails alone', async () => {
  const batcher = createBatcher<number, number>({
    maxSize: 10,
    maxInFlight: 2,
    async write(items) {
      if (items.includes(2)) throw new Error('two is bad');
      return [...items];
    },
  });
  const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
  expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  await batcher.idle();
});
