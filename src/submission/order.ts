import type { InputIssue } from '../errors.ts';

/** That one task of a batch depends on another, and where it says so. */
export interface Dependency {
  /** Places in the batch. */
  readonly child: number;
  readonly parent: number;
  readonly path: string;
}

/** An order in which every task comes behind those that it depends on, or why there is none. */
export type Ordered = { readonly order: readonly number[] } | { readonly circles: readonly InputIssue[] };

/** The way from a task down to itself again, by the parents that are left of everybody. */
function findCircle(left: ReadonlyMap<number, readonly Dependency[]>): readonly Dependency[] {
  const [start = 0] = left.keys();
  const way: Dependency[] = [];
  const seen = new Map<number, number>();
  for (let at = start; ; ) {
    const before = seen.get(at);
    if (before !== undefined) return way.slice(before);
    seen.set(at, way.length);
    const next = left.get(at)?.find(({ parent }) => left.has(parent));
    if (!next) throw new Error('a circle has no end');
    way.push(next);
    at = next.parent;
  }
}

function issueOf(circle: readonly Dependency[], nameOf: (place: number) => string): InputIssue {
  const [first] = circle;
  const names = circle.map(({ parent }) => nameOf(parent));
  const message = `closes a circle: ${[names.at(-1) ?? '', ...names].join(' needs ')}`;
  return { path: first?.path ?? 'tasks', message };
}

/**
 * Orders the tasks of a batch, parents before children and otherwise as they are given. Of circles that have tasks in
 * common one is told.
 * @param nameOf a task's for people: its ref
 */
export function orderOf(
  size: number,
  dependencies: readonly Dependency[],
  nameOf: (place: number) => string,
): Ordered {
  const byChild = Map.groupBy(dependencies, ({ child }) => child);
  const left = new Map(Array.from({ length: size }, (_, n) => [n, byChild.get(n) ?? []]));
  const order: number[] = [];
  const circles: InputIssue[] = [];
  while (left.size > 0) {
    const before = left.size;
    for (const [place, parents] of left) {
      if (parents.some(({ parent }) => left.has(parent))) continue;
      left.delete(place);
      order.push(place);
    }
    if (left.size < before) continue;
    const circle = findCircle(left);
    circles.push(issueOf(circle, nameOf));
    for (const { child } of circle) left.delete(child);
  }
  return circles.length > 0 ? { circles } : { order };
}
