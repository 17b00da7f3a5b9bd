import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OVERTAKING_SWAPS } from '../../../src/nodes/planner/affinity.ts';
import { type HeadView, type NodeView, plan, type Snapshot } from '../../../src/nodes/planner/index.ts';
import { head, node, queue, snapshot, speed } from './support.ts';

const SWAP = 15;
const offers = [{ kind: 'TEXT_TO_IMAGE', models: ['flux', 'qwen'] }];
const swaps = ['a', 'b', 'c'].flatMap((nodeId) =>
  ['flux', 'qwen'].map((model) => ({ nodeId, model, seconds: SWAP })),
);

const holding = (model: string, id: string, changes: Partial<NodeView> = {}): NodeView =>
  node(id, { offers, loadedModels: [model], ...changes });

const busyFor = (seconds: number) => ({ freeSlots: [], busyForSeconds: [seconds] });

const given = (
  nodes: readonly NodeView[],
  { qwen = [], flux = [] }: { qwen?: readonly HeadView[]; flux?: readonly HeadView[] },
  changes: Partial<Snapshot> = {},
): Snapshot => {
  const queues = [
    queue({ id: 'qwen', model: 'qwen', heads: qwen }),
    queue({ id: 'flux', model: 'flux', heads: flux }),
  ];
  return snapshot({ nodes, queues: queues.filter(({ heads }) => heads.length > 0), swaps, ...changes });
};

const started = (of: Snapshot): string[] =>
  plan(of, 'earliest-completion').map(({ queueId, nodeId }) => `${queueId} on ${nodeId}`);

describe('a node that has one of several models loaded', () => {
  test('takes the oldest task of that model, before older ones of others', () => {
    const tasks = { flux: [head({ tag: 0 })], qwen: [head({ tag: 60 }), head({ tag: 1 })] };
    expect(started(given([holding('qwen', 'a')], tasks))).toEqual(['qwen on a']);
  });

  test('swaps for a task that was overtaken by those of so many swap times', () => {
    const at = (tag: number) =>
      started(given([holding('qwen', 'a')], { flux: [head({ tag: 0 })], qwen: [head({ tag })] }));
    expect(at(OVERTAKING_SWAPS * SWAP)).toEqual(['qwen on a']);
    expect(at(OVERTAKING_SWAPS * SWAP + 1)).toEqual(['flux on a']);
  });

  test('swaps at once for a task of a higher band', () => {
    const tasks = { flux: [head({ band: 1, tag: 9 })], qwen: [head({ tag: 0 })] };
    expect(started(given([holding('qwen', 'a')], tasks))).toEqual(['flux on a']);
  });

  test('says what the swap takes, and counts it to the run', () => {
    const [placement] = plan(given([holding('qwen', 'a')], { flux: [head()] }), 'earliest-completion');
    expect(placement).toMatchObject({ swapSeconds: SWAP, runSeconds: SWAP + 10 });
  });

  test('swaps nothing where a node that has the model is soon free', () => {
    const nodes = (seconds: number) => [holding('qwen', 'a'), holding('flux', 'b', busyFor(seconds))];
    expect(started(given(nodes(44), { flux: [head()] }))).toEqual([]);
    expect(started(given(nodes(46), { flux: [head()] }))).toEqual(['flux on a']);
  });

  test('swaps for a backlog that would keep the node that has the model busy for long', () => {
    const nodes = [holding('qwen', 'a'), holding('flux', 'b', busyFor(10))];
    const backlog = (length: number) => Array.from({ length }, (_, n) => head({ tag: n }));
    expect(started(given(nodes, { flux: backlog(4) }))).toEqual([]);
    expect(started(given(nodes, { flux: backlog(5) }))).toEqual(['flux on a']);
  });

  test('swaps the model that was not asked for longest', () => {
    const nodes = [holding('qwen', 'a', { lastLeasedAt: 2 }), holding('qwen', 'b', { lastLeasedAt: 1 })];
    expect(started(given(nodes, { flux: [head()] }))).toEqual(['flux on b']);
  });

  test('is offered once more to a task that left it to one which then waits elsewhere', () => {
    // The task of qwen overtakes, and then finds the other node better.
    const slow = { nodeId: 'a', kind: 'TEXT_TO_IMAGE', secondsPerUnit: 9, samples: 20 };
    const fast = { nodeId: 'b', kind: 'TEXT_TO_IMAGE', secondsPerUnit: 1, samples: 20 };
    const speeds = [slow, fast].flatMap((speed) => ['qwen', 'flux'].map((model) => ({ ...speed, model })));
    const nodes = [holding('qwen', 'a'), holding('qwen', 'b', busyFor(5))];
    const pinned = head({ tag: 0, nodeId: 'a' });
    expect(started(given(nodes, { flux: [pinned], qwen: [head({ tag: 1 })] }, { speeds }))).toEqual([
      'flux on a',
    ]);
  });

  test('is offered to it before any that may not overtake it, where the one that may runs elsewhere', () => {
    const speeds = [1.5, 1].flatMap((secondsPerUnit, n) =>
      ['qwen', 'flux'].map((model) => speed(['a', 'b'][n] ?? '', secondsPerUnit, { model })),
    );
    const nodes = [holding('qwen', 'a'), holding('qwen', 'b')];
    const flux = [head({ band: 1, tag: 0, nodeId: 'a' })];
    for (const last of [head({ band: 0, tag: 1 }), head({ band: 1, tag: OVERTAKING_SWAPS * SWAP + 1 })]) {
      const qwen = [head({ band: 1, tag: 1 }), last];
      expect(started(given(nodes, { flux, qwen }, { speeds }))).toEqual(['qwen on b', 'flux on a']);
    }
  });
});

test('a node that holds several models serves each without a swap', () => {
  const both = node('a', { offers, freeSlots: [1, 2], loadedModels: ['qwen', 'flux'] });
  const placements = plan(given([both], { flux: [head()], qwen: [head()] }), 'earliest-completion');
  expect(placements.map(({ swapSeconds }) => swapSeconds)).toEqual([0, 0]);
});

test('a task of a rare model starts once those that may overtake it are through, however many come', () => {
  const seconds = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(seconds, fc.integer({ min: 1, max: 10 }), (costs, gap) => {
      const rare = head({ tag: 0, cost: 5 });
      let waiting = costs.map((cost, n) => head({ tag: (n - 5) * gap, cost }));
      const mayOvertake = waiting.filter(({ tag }) => tag <= OVERTAKING_SWAPS * SWAP).length;
      for (let starts = 0; ; starts++) {
        expect(starts).toBeLessThanOrEqual(mayOvertake);
        const [placement] = plan(
          given([holding('qwen', 'a')], { flux: [rare], qwen: waiting }),
          'earliest-completion',
        );
        if (!placement || placement.jobId === rare.id) break;
        waiting = waiting.filter(({ id }) => id !== placement.jobId);
      }
    }),
  );
});
