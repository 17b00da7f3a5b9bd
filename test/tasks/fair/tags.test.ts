import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  correctionOf,
  finishAfter,
  placedAnew,
  placeOf,
  tagOf,
  tagsUpTo,
  timeAt,
} from '../../../src/tasks/fair/tags.ts';
import { turnTags } from '../../../src/tasks/fair/turns.ts';

const priorities = ['LOW', 'NORMAL', 'HIGH', 'URGENT'] as const;
const below = fc.constantFrom('LOW' as const, 'NORMAL' as const, 'HIGH' as const);
const any = fc.constantFrom(...priorities);
/** Virtual seconds before which a queue is put back. */
const tag = fc.double({ min: 0, max: 1e8, noNaN: true });
const ever = fc.double({ min: 0, max: 1e12, noNaN: true });
const seconds = fc.double({ min: 0.5, max: 60, noNaN: true });

test('a place is always an integer of 32 bits', () => {
  fc.assert(
    fc.property(any, ever, (priority, at) => {
      const place = placeOf(at, priority);
      expect(place | 0).toBe(place);
    }),
  );
});

test('URGENT is above everything else, whenever it arrives', () => {
  fc.assert(
    fc.property(below, ever, ever, (priority, at, urgent) => {
      expect(placeOf(urgent, 'URGENT')).toBeGreaterThan(placeOf(at, priority));
    }),
  );
});

test('of the same priority, the lower tag is never behind, and a place tells its tag', () => {
  fc.assert(
    fc.property(any, tag, tag, (priority, a, b) => {
      expect(placeOf(Math.min(a, b), priority)).toBeGreaterThanOrEqual(placeOf(Math.max(a, b), priority));
      expect(Math.abs(tagOf(placeOf(a, priority), priority) - a)).toBeLessThanOrEqual(0.100001);
    }),
  );
});

test('of those that have the same tag, the higher priority is first', () => {
  fc.assert(
    fc.property(tag, (at) => {
      const places = priorities.map((priority) => placeOf(at, priority));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      expect(new Set(places).size).toBe(priorities.length);
    }),
  );
});

test('LOW never starves: six hundred virtual seconds later nothing but URGENT comes before it', () => {
  fc.assert(
    fc.property(tag, below, fc.double({ min: 600, max: 1e6, noNaN: true }), (at, priority, later) => {
      expect(placeOf(at, 'LOW')).toBeGreaterThanOrEqual(placeOf(at + later, priority));
    }),
  );
});

/** A queue of one server, as far as fair queueing goes: the same steps as the database takes. */
function createLine() {
  const shares = new Map<string, { finish: number; weight: number }>();
  let waiting: { user: string; place: number; seconds: number; order: number }[] = [];
  let now = 0;
  let order = 0;
  return {
    submit(user: string, weight: number, expected: readonly number[], actual = expected): void {
      const virtual = expected.map((each) => each / weight);
      const total = virtual.reduce((sum, each) => sum + each, 0);
      const finish = finishAfter(shares.get(user)?.finish ?? 0, now, total);
      shares.set(user, { finish, weight });
      for (const [n, at] of tagsUpTo(finish, virtual).entries()) {
        waiting.push({ user, place: placeOf(at, 'NORMAL'), seconds: actual[n] ?? 0, order: order++ });
      }
    },
    /** The next one that is served. */
    serve() {
      waiting = waiting.toSorted((a, b) => b.place - a.place || a.order - b.order);
      const next = waiting.shift();
      if (next) now = Math.max(now, timeAt(tagOf(next.place, 'NORMAL'), 'NORMAL'));
      return next;
    },
  };
}

const burst = fc.record({
  weight: fc.constantFrom(1, 2, 8),
  tasks: fc.array(seconds, { minLength: 20, maxLength: 60 }),
});

test('users who have tasks waiting are never further apart, by weight, than one task of each', () => {
  fc.assert(
    fc.property(fc.array(burst, { minLength: 2, maxLength: 5 }), (bursts) => {
      const line = createLine();
      const users = bursts.map(({ weight, tasks }, n) => {
        line.submit(String(n), weight, tasks);
        return { weight, left: tasks.length, served: 0, longest: Math.max(...tasks) / weight };
      });
      for (;;) {
        const next = line.serve();
        const user = users[Number(next?.user)];
        if (!next || !user) break;
        user.served += next.seconds / user.weight;
        if (--user.left === 0) break;
        for (const a of users) {
          for (const b of users) {
            // A place is told to a tenth of a second.
            expect(a.served - b.served).toBeLessThanOrEqual(a.longest + b.longest + 0.2);
          }
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('whoever comes behind a burst waits for at most one task of each who has some waiting', () => {
  fc.assert(
    fc.property(
      fc.array(burst, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 19 }),
      seconds,
      (bursts, served, cost) => {
        const line = createLine();
        for (const [n, { tasks }] of bursts.entries()) line.submit(String(n), 1, tasks);
        for (let n = 0; n < served; n++) line.serve();
        line.submit('newcomer', 1, [cost]);
        const before: string[] = [];
        for (let next = line.serve(); next && next.user !== 'newcomer'; next = line.serve())
          before.push(next.user);
        expect(new Set(before).size).toBe(before.length);
      },
    ),
    { numRuns: 50 },
  );
});

test('jobs that are placed anew keep their order and end where the share ends', () => {
  const jobs = fc.array(fc.record({ at: tag, virtualSeconds: seconds }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(jobs, tag, below, (given, finish, priority) => {
      const line = given.map(({ at, virtualSeconds }, n) => ({
        ...{ id: String(n), place: placeOf(at, priority), priority, virtualSeconds },
      }));
      const moves = new Map(placedAnew(finish, line).map(({ id, to }) => [id, to]));
      const before = line.toSorted((a, b) => b.place - a.place);
      const after = before.map(({ id, place }) => moves.get(id) ?? place);
      expect(after).toEqual(after.toSorted((a, b) => b - a));
      const last = before.at(-1);
      const expected = placeOf(Math.max(0, finish - (last?.virtualSeconds ?? 0)), priority);
      expect(Math.abs((after.at(-1) ?? 0) - expected)).toBeLessThanOrEqual(1);
    }),
  );
});

test('a share ends up charged with what its tasks took, however they end', () => {
  const tries = fc.array(seconds, { maxLength: 4 });
  fc.assert(
    fc.property(seconds, tries, (chargedSeconds, attempts) => {
      let charge = chargedSeconds;
      for (const measuredSeconds of attempts) {
        charge += correctionOf({ chargedSeconds, measuredSeconds, isQueuedAgain: true });
      }
      // Canceled while it waited.
      charge += correctionOf({ chargedSeconds, measuredSeconds: 0, isQueuedAgain: false });
      expect(charge).toBeCloseTo(
        attempts.reduce((sum, each) => sum + each, 0),
        6,
      );
    }),
  );
});

test('between queues, whoever has had less is first, and a queue that waits comes first at last', () => {
  const loads = new Map([
    ['a', { seconds: 100, weight: 1 }],
    ['b', { seconds: 10, weight: 2 }],
  ]);
  const turn = (userId: string) => ({ userId, seconds: 8, leadSeconds: 0 });
  expect(turnTags([turn('a'), turn('a')], loads, 0)).toEqual([100, 108]);
  expect(turnTags([turn('b'), turn('b'), turn('c')], loads, 0)).toEqual([10, 14, 14]);
  expect(turnTags([turn('a')], loads, 95)[0]).toBeLessThan(10);
});
