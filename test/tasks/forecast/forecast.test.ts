import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MeasuredSpeed, plan, type Snapshot } from '../../../src/nodes/index.ts';
import { createForecast } from '../../../src/tasks/forecast/forecast.ts';
import { p90Of } from '../../../src/tasks/forecast/paces.ts';
import type { BusySlot, Situation } from '../../../src/tasks/forecast/types.ts';
import { anySnapshot, head, node, queue, speed } from '../../nodes/planner/support.ts';

const measured = (
  nodeId: string,
  secondsPerUnit: number,
  changes: Partial<MeasuredSpeed> = {},
): MeasuredSpeed => ({
  ...speed(nodeId, secondsPerUnit),
  ...{ mean: secondsPerUnit, p90: secondsPerUnit },
  ...changes,
});

const situation = (changes: Partial<Situation> = {}): Situation => ({
  ...{ nodes: [], busy: [], queues: [], behind: new Map(), speeds: [], swaps: [], limits: {} },
  ...{ fullUsers: new Set<string>(), room: 100, strategy: 'earliest-completion' },
  ...changes,
});

const busy = (nodeId: string, slotNo: number, seconds: number | null): BusySlot => ({
  ...{ nodeId, slotNo, guess: seconds ?? 5, job: { userId: 'ann', kind: 'TEXT_TO_IMAGE', model: 'qwen' } },
  left: seconds === null ? null : { seconds, variance: 0, bias: 0 },
});

const heads = (count: number) => Array.from({ length: count }, (_, n) => head({ tag: n, cost: 10 }));
const q = queue({ heads: heads(1) });
const empty = { ...q, heads: [] };

describe('a forecast', () => {
  const one = (count: number, behind: number) =>
    createForecast(
      situation({
        nodes: [node('a', { freeSlots: [], busyForSeconds: [4] })],
        busy: [busy('a', 1, 4)],
        queues: [queue({ heads: heads(count) })],
        behind: new Map([['q', behind]]),
        speeds: [measured('a', 0.2)],
      }),
    );

  test('lets one job follow the other, and goes on behind the heads as it began', () => {
    const forecast = one(10, 100);
    for (const position of [1, 2, 10, 11, 12, 110, 111, 200]) {
      expect(forecast.startAt(q, position)?.at.seconds, `${position}`).toBeCloseTo(4 + 2 * (position - 1), 1);
    }
  });

  test('knows the end of a short queue', () => {
    expect(one(3, 0).startAt(q, 4)?.at.seconds).toBeCloseTo(10, 1);
  });

  test('has several slots take turns', () => {
    const forecast = createForecast(
      situation({
        nodes: [node('a', { freeSlots: [], busyForSeconds: [1, 2] })],
        busy: [busy('a', 1, 1), busy('a', 2, 2)],
        queues: [queue({ heads: heads(4) })],
        behind: new Map([['q', 40]]),
        speeds: [measured('a', 0.2)],
      }),
    );
    const starts = [1, 2, 3, 4, 5, 6, 41, 42].map((n) =>
      Math.round(forecast.startAt(q, n)?.at.seconds ?? -1),
    );
    expect(starts).toEqual([1, 2, 3, 4, 5, 6, 41, 42]);
  });

  test('has a new task of an idle model start at once, whatever else waits', () => {
    const idle = node('b', { offers: [{ kind: 'TEXT_TO_IMAGE', models: ['fox'] }] });
    const forecast = createForecast(
      situation({
        nodes: [node('a', { freeSlots: [], busyForSeconds: [9] }), idle],
        busy: [busy('a', 1, 9)],
        queues: [q],
        speeds: [measured('a', 1)],
      }),
    );
    expect(forecast.startAt({ ...empty, id: '', model: 'fox' }, 1)).toMatchObject({
      at: { seconds: 0 },
      pace: null,
    });
    expect(forecast.startAt(q, 1)?.at.seconds).toBeCloseTo(9, 1);
  });

  test('tells nothing where nothing was measured, but what starts at once', () => {
    const few = { samples: 4 };
    const forecast = createForecast(
      situation({
        nodes: [node('a', { freeSlots: [1] })],
        queues: [queue({ heads: heads(3) })],
        speeds: [measured('a', 1, few)],
      }),
    );
    expect([1, 2, 3, 4].map((n) => forecast.startAt(q, n)?.at.seconds ?? null)).toEqual([
      0,
      null,
      null,
      null,
    ]);
    const blind = createForecast(
      situation({
        nodes: [node('a', { freeSlots: [], busyForSeconds: [5] })],
        busy: [busy('a', 1, null)],
        queues: [q],
        speeds: [measured('a', 1)],
      }),
    );
    expect(blind.startAt(q, 1)).toBeNull();
  });

  test('tells nothing where no node can do it, no worker runs, or a limit stands in the way', () => {
    const busyNode = {
      nodes: [node('a', { freeSlots: [], busyForSeconds: [5] })],
      busy: [busy('a', 1, 5)],
      queues: [q],
      speeds: [measured('a', 1)],
    };
    const start = (changes: Partial<Situation>) =>
      createForecast(situation({ ...busyNode, ...changes })).startAt(q, 1);
    expect(start({})?.at.seconds).toBeCloseTo(5, 1);
    expect(start({ nodes: [], busy: [] })).toBeNull();
    const free = { nodes: [node('a')], busy: [] };
    expect(start({ ...free, room: 0 })).toBeNull();
    expect(start({ ...free, limits: { models: new Map([['qwen', 0]]) } })).toBeNull();
    expect(start({ fullUsers: new Set(['ann']) })).toBeNull();
  });

  test('tells nothing of a job that waits for the end of another one, be it elsewhere, of which nothing is known', () => {
    const other = [{ kind: 'TEXT_TO_IMAGE', models: ['other'] }];
    const waitsFor = (seconds: number | null, limits: Situation['limits'], line = q) =>
      createForecast(
        situation({
          nodes: [
            node('a', { freeSlots: [], busyForSeconds: [5], offers: other }),
            node('b', { freeSlots: [1, 2] }),
          ],
          busy: [{ ...busy('a', 1, seconds), job: { userId: 'ann', kind: 'TEXT_TO_IMAGE', model: 'other' } }],
          queues: [line],
          speeds: [measured('b', 1)],
          limits,
        }),
      ).startOf(line.heads.at(-1)?.id ?? '')?.at.seconds;
    const limits = { kinds: new Map([['TEXT_TO_IMAGE', 0]]) };
    expect(waitsFor(null, {})).toBe(0);
    expect(waitsFor(5, limits)).toBeCloseTo(5, 1);
    expect(waitsFor(null, limits)).toBeUndefined();
    // One of hers starts at once; the other when either that, or what she has elsewhere, has ended.
    const hers = queue({ heads: [1, 2].map((tag) => head({ userId: 'ann', tag, cost: 10 })) });
    const own = { users: new Map([['ann', 1]]) };
    expect(waitsFor(5, own, hers)).toBeCloseTo(5, 1);
    expect(waitsFor(null, own, hers)).toBeUndefined();
  });

  test('is the less certain the further it looks', () => {
    const forecast = createForecast(
      situation({
        nodes: [node('a', { freeSlots: [], busyForSeconds: [4] })],
        busy: [busy('a', 1, 4)],
        queues: [queue({ heads: heads(10) })],
        behind: new Map([['q', 100]]),
        speeds: [measured('a', 0.2, { p90: 0.3 })],
      }),
    );
    const doubts = [1, 2, 5, 10, 20, 100].map((n) => {
      const { at } = forecast.startAt(q, n) ?? { at: { seconds: 0, variance: 0, bias: 0 } };
      return p90Of(at) - at.seconds;
    });
    expect(doubts).toEqual(doubts.toSorted((a, b) => a - b));
    // Ten runs of 2 s of which a tenth takes 3 s: not ten times as uncertain as one.
    expect(doubts[3]).toBeGreaterThan(1);
    expect(doubts[3]).toBeLessThan(6);
  });
});

const anySituation = fc
  .record({ snapshot: anySnapshot, behind: fc.nat(500), room: fc.nat(12) })
  .map(({ snapshot, behind, room }: { snapshot: Snapshot; behind: number; room: number }) =>
    situation({
      nodes: snapshot.nodes,
      busy: snapshot.nodes.flatMap(({ id, busyForSeconds }) =>
        busyForSeconds.map((seconds, n) => busy(id, 100 + n, seconds)),
      ),
      queues: snapshot.queues,
      behind: new Map(snapshot.queues.map(({ id }, n) => [id, n % 2 === 0 ? behind : 0])),
      speeds: snapshot.speeds.map((one) => ({
        ...one,
        mean: one.secondsPerUnit,
        p90: one.secondsPerUnit * 1.5,
      })),
      swaps: snapshot.swaps ?? [],
      limits: snapshot.limits ?? {},
      room,
    }),
  );

describe('whatever the pool is like, a forecast', () => {
  test('begins with what the planner would do now', () => {
    fc.assert(
      fc.property(anySituation, (all) => {
        const { nodes, queues, speeds, swaps, limits, room, strategy } = all;
        const placed =
          room === 0 ? [] : plan({ nodes, queues, speeds, swaps, limits, limit: room }, strategy);
        const { simulated } = createForecast(all);
        expect([...simulated.now].sort()).toEqual(placed.map(({ jobId }) => jobId).sort());
        for (const { jobId } of placed) expect(simulated.starts.get(jobId)?.at.seconds).toBe(0);
      }),
    );
  });

  test('ends, with times that are none of the past and P90s that come after them', () => {
    fc.assert(
      fc.property(anySituation, (all) => {
        const forecast = createForecast(all);
        for (const one of all.queues) {
          const known = one.heads.map(({ id }) => forecast.startOf(id));
          const beyond = [1, 2, 50, 400, 1_000].map((n) => forecast.startAt(one, one.heads.length + n));
          for (const start of [...known, ...beyond]) {
            if (!start) continue;
            expect(start.at.seconds).toBeGreaterThanOrEqual(0);
            expect(start.at.seconds).toBeLessThan(Number.POSITIVE_INFINITY);
            expect(p90Of(start.at)).toBeGreaterThanOrEqual(start.at.seconds);
          }
          const times = beyond.flatMap((start) => start?.at.seconds ?? []);
          for (const [n, time] of times.entries())
            expect(time).toBeGreaterThanOrEqual((times[n - 1] ?? 0) - 1e-6);
        }
      }),
    );
  });
});
