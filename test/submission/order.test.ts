import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Dependency, orderOf } from '../../src/submission/order.ts';

const nameOf = (place: number): string => `t${place}`;
const edge = (child: number, parent: number): Dependency => ({ child, parent, path: `${child}-${parent}` });

test('whatever depends on what, all come behind what they need, or their circles are named', () => {
  const graphs = fc.integer({ min: 1, max: 12 }).chain((size) => {
    const place = fc.nat({ max: size - 1 });
    return fc.record({
      size: fc.constant(size),
      edges: fc.array(
        fc.tuple(place, place).map((pair) => edge(...pair)),
        { maxLength: 16 },
      ),
    });
  });
  fc.assert(
    fc.property(graphs, ({ size, edges }) => {
      const ordered = orderOf(size, edges, nameOf);
      if ('order' in ordered) {
        expect(ordered.order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, n) => n));
        for (const { child, parent } of edges) {
          expect(ordered.order.indexOf(parent)).toBeLessThan(ordered.order.indexOf(child));
        }
        return;
      }
      expect(ordered.circles.length).toBeGreaterThan(0);
      const known = new Set(edges.map((one) => one.path));
      for (const { path, message } of ordered.circles) {
        const names = message.replace('closes a circle: ', '').split(' needs ');
        expect(names.at(0)).toBe(names.at(-1));
        const pairs = names.slice(1).map((parent, n) => `${names[n]?.slice(1)}-${parent.slice(1)}`);
        expect(pairs.every((pair) => known.has(pair))).toBe(true);
        expect(pairs[0]).toBe(path);
      }
    }),
  );
});

test('circles that have nothing in common are all named', () => {
  expect(
    orderOf(6, [edge(0, 1), edge(1, 0), edge(2, 0), edge(3, 4), edge(4, 3), edge(5, 5)], nameOf),
  ).toEqual({
    circles: [
      { path: '0-1', message: 'closes a circle: t0 needs t1 needs t0' },
      { path: '3-4', message: 'closes a circle: t3 needs t4 needs t3' },
      { path: '5-5', message: 'closes a circle: t5 needs t5' },
    ],
  });
});

test('those that nothing stands in the way of keep the order in which they are given', () => {
  expect(orderOf(5, [edge(0, 3), edge(1, 0)], nameOf)).toEqual({ order: [2, 3, 4, 0, 1] });
  expect(orderOf(3, [edge(1, 0), edge(2, 1)], nameOf)).toEqual({ order: [0, 1, 2] });
});
