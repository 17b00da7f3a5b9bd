import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidStateError } from '../../src/errors.ts';
import { decide } from '../../src/tasks/dependents.ts';
import { expectAllDone, expectInvariants } from '../support/invariants.ts';
import { finish, success, useYard } from '../support/yard.ts';
import { graph, runAll, statuses } from './graph-support.ts';

const open = useYard();

interface Story {
  /** Places of the tasks that each depends on: earlier ones. */
  readonly parents: readonly (readonly number[])[];
  /** Fail when they run. */
  readonly failing: ReadonlySet<number>;
  /** Are canceled at the beginning, in this order. */
  readonly canceled: readonly number[];
  /** Are retried at the end, in this order; nothing fails any more. */
  readonly retried: readonly number[];
}

const stories: fc.Arbitrary<Story> = fc.integer({ min: 1, max: 9 }).chain((size) => {
  const place = fc.nat({ max: size - 1 });
  return fc.record({
    parents: fc.tuple(
      ...Array.from({ length: size }, (_, n) =>
        n === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat({ max: n - 1 }), { maxLength: 3 }),
      ),
    ),
    failing: fc.uniqueArray(place, { maxLength: 3 }).map((places) => new Set(places)),
    canceled: fc.uniqueArray(place, { maxLength: 2 }),
    retried: fc.array(place, { maxLength: 3 }),
  });
});

type State = 'OPEN' | 'SUCCEEDED' | 'FAILED' | 'FELL' | 'CANCELED';

/** What is to become of a graph, said as simply as can be. */
class Model {
  readonly #parents: Story['parents'];
  readonly states: State[];

  constructor(parents: Story['parents']) {
    this.#parents = parents;
    this.states = parents.map(() => 'OPEN');
  }

  #isLost(place: number): boolean {
    const state = this.states[place];
    return state === 'FAILED' || state === 'FELL' || state === 'CANCELED';
  }

  #fall(): void {
    for (const [place, parents] of this.#parents.entries()) {
      if (this.states[place] === 'OPEN' && parents.some((parent) => this.#isLost(parent))) {
        this.states[place] = 'FELL';
      }
    }
  }

  cancel(place: number): void {
    if (this.states[place] === 'OPEN') this.states[place] = 'CANCELED';
    this.#fall();
  }

  run(failing: ReadonlySet<number>): void {
    for (const place of this.#parents.keys()) {
      if (this.states[place] === 'OPEN') this.states[place] = failing.has(place) ? 'FAILED' : 'SUCCEEDED';
      this.#fall();
    }
  }

  retry(place: number): void {
    if (!this.#isLost(place)) return;
    const raise = (one: number): void => {
      this.states[one] = 'OPEN';
      for (const parent of this.#parents[one] ?? []) if (this.#isLost(parent)) raise(parent);
    };
    raise(place);
    for (const [one, parents] of this.#parents.entries()) {
      if (this.states[one] === 'FELL' && !parents.some((parent) => this.#isLost(parent))) {
        this.states[one] = 'OPEN';
      }
    }
  }
}

const shown = (states: readonly State[]): string[] =>
  states.map((state) => (state === 'FELL' ? 'FAILED' : state));

async function tolerate(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof InvalidStateError)) throw error;
  });
}

test('whatever graph it is, and whatever fails, is canceled and retried, it ends as a simple model says', {
  timeout: 60_000,
}, async () => {
  const yard = open();
  await yard.addNode({ models: ['model'], slots: 6 });
  const userId = await yard.addUser();
  const property = fc.asyncProperty(stories, async ({ parents, failing, canceled, retried }) => {
    const { ids, ...batch } = graph(userId, parents, { model: 'model' });
    const model = new Model(parents);
    const idOf = (place: number): string => ids[place] ?? '';
    await yard.tasks.submitBatch(batch, 'VIP');
    for (const place of canceled) {
      model.cancel(place);
      await tolerate(yard.tasks.cancel(idOf(place)));
    }
    model.run(failing);
    const order = await runAll(yard, new Set([...failing].map(idOf)));
    expect(await statuses(yard, ids)).toEqual(shown(model.states));
    const before = (child: string, parent: string) => order.indexOf(parent) < order.indexOf(child);
    for (const [place, own] of parents.entries()) {
      if (order.includes(idOf(place))) {
        expect(own.every((parent) => before(idOf(place), idOf(parent)))).toBe(true);
      }
    }
    for (const place of retried) {
      model.retry(place);
      await tolerate(yard.tasks.retry(idOf(place)));
    }
    model.run(new Set());
    await runAll(yard);
    expect(await statuses(yard, ids)).toEqual(shown(model.states));
  });
  await fc.assert(property, { numRuns: 20 });
  await expectAllDone(yard.database);
});

test('a release and a cancel of the child at once leave one of two things, and never deadlock', async () => {
  const yard = open();
  const other = await yard.another();
  await yard.addNode({ models: ['race'], slots: 12 });
  const userId = await yard.addUser();
  const ends = new Set<string>();
  for (let round = 0; round < 12; round++) {
    // Two parents, that end at the same time; a child of both, and what depends on that.
    const { ids, ...batch } = graph(userId, [[], [], [0, 1], [2], [2, 3]], { model: 'race' });
    const [, , child = '', below = ''] = ids;
    await yard.tasks.submitBatch(batch, 'VIP');
    const claimed = await yard.tasks.claim({ workerId: yard.workerId, limit: 10 });
    expect(claimed).toHaveLength(2);
    const later = { ...submissionBelow(batch), dependsOn: [below] };
    // Somebody adds to what is about to fall.
    const adding = other.tasks.submit(later, 'VIP');
    await Promise.all([
      ...claimed.map((one, n) => finish((n === 0 ? yard : other).tasks, success(one))),
      other.tasks.cancel(round % 2 === 0 ? child : below),
    ]);
    const added = await adding;
    await runAll(yard);
    const after = await statuses(yard, [...ids, added.taskId]);
    ends.add(after.join());
    const isCanceled = round % 2 === 0;
    expect(after).toEqual([
      ...['SUCCEEDED', 'SUCCEEDED', isCanceled ? 'CANCELED' : 'SUCCEEDED'],
      ...[isCanceled ? 'FAILED' : 'CANCELED', 'FAILED', 'FAILED'],
    ]);
  }
  expect(ends.size).toBe(2);
  await Promise.all([yard, other].map(({ tasks }) => tasks.close()));
  await expectInvariants(yard.database);
  const [row] = await yard.sql<{ deadlocks: string }>(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  );
  expect(Number(row?.deadlocks)).toBe(0);
});

function submissionBelow(batch: Omit<ReturnType<typeof graph>, 'ids'>) {
  const [first] = batch.tasks;
  if (!first) throw new Error('a batch without tasks');
  return first.submission;
}

describe('who waits for others', () => {
  const edge = (
    childId: string,
    parentId: string,
    status: 'SUCCEEDED' | 'FAILED' | 'RUNNING' | 'BLOCKED' | null,
  ) => ({
    ...{ childId, parentId, status },
  });

  test('is ready when all have succeeded or are gone, falls with the first that did not, and else goes on waiting', () => {
    const decided = decide(
      ['b', 'c', 'd', 'e'],
      [
        ...[edge('b', 'a', 'SUCCEEDED'), edge('b', 'x', null)],
        ...[edge('c', 'a', 'SUCCEEDED'), edge('c', 'y', 'FAILED')],
        ...[edge('d', 'b', 'BLOCKED'), edge('d', 'c', 'BLOCKED')],
        edge('e', 'z', 'RUNNING'),
      ],
    );
    expect([...decided.ready]).toEqual(['b']);
    expect([...decided.fallen]).toEqual([
      ['c', { id: 'y', status: 'FAILED' }],
      ['d', { id: 'y', status: 'FAILED' }],
    ]);
  });
});
