import { describe, expect, test } from 'vitest';
import { plan, strategyNames } from '../../../src/nodes/planner/index.ts';
import { head, node, queue, snapshot, speed } from './support.ts';

const nodesOf = (placements: readonly { nodeId: string }[]): string[] =>
  placements.map(({ nodeId }) => nodeId);
const jobs = (count: number) => Array.from({ length: count }, (_, n) => head({ createdAt: n }));

describe('earliest completion', () => {
  const fast = speed('fast', 0.5);
  const slow = speed('slow', 4);

  test('takes the fastest of the idle nodes', () => {
    const nodes = [node('fast'), node('slow')];
    const placements = plan(
      snapshot({ nodes, speeds: [fast, slow], queues: [queue()] }),
      'earliest-completion',
    );
    expect(placements).toEqual([
      {
        queueId: 'q',
        jobId: expect.any(String),
        nodeId: 'fast',
        slotNo: 1,
        runSeconds: expect.closeTo(5, 3),
        swapSeconds: 0,
      },
    ]);
  });

  test('lets a task wait for a faster busy node where that ends sooner, and only then', () => {
    const given = (busyFor: number) =>
      snapshot({
        nodes: [node('fast', { freeSlots: [], busyForSeconds: [busyFor] }), node('slow')],
        speeds: [fast, slow],
        queues: [queue()],
      });
    expect(plan(given(30), 'earliest-completion')).toEqual([]);
    expect(nodesOf(plan(given(36), 'earliest-completion'))).toEqual(['slow']);
  });

  test('uses the slow node for a backlog that would take longer on the fast one', () => {
    const given = (waiting: number) =>
      snapshot({
        nodes: [node('fast', { freeSlots: [], busyForSeconds: [2] }), node('slow')],
        speeds: [fast, slow],
        queues: [queue({ heads: jobs(waiting) })],
      });
    // On the fast node the n-th ends after 2 + 5 n seconds, on the slow one after 40.
    expect(plan(given(7), 'earliest-completion')).toEqual([]);
    expect(nodesOf(plan(given(8), 'earliest-completion'))).toEqual(['slow']);
  });

  test('keeps what a task waits for from those behind it', () => {
    const busy = node('fast', { freeSlots: [], busyForSeconds: [1] });
    const queues = [
      queue({ id: 'first', heads: [head({ tag: -1, cost: 100 })] }),
      queue({ id: 'second', heads: [head()] }),
    ];
    const given = snapshot({ nodes: [busy, node('slow')], speeds: [fast, slow], queues });
    expect(plan(given, 'earliest-completion')).toMatchObject([{ queueId: 'second', nodeId: 'slow' }]);
  });

  test('spreads over equal nodes before it fills one', () => {
    const nodes = [node('a', { freeSlots: [1, 2] }), node('b', { freeSlots: [1, 2] })];
    const given = snapshot({ nodes, queues: [queue({ heads: jobs(4) })] });
    expect(nodesOf(plan(given, 'earliest-completion'))).toEqual(['a', 'b', 'a', 'b']);
  });

  test('tries a node that was never measured', () => {
    const given = snapshot({
      nodes: [node('known'), node('new')],
      speeds: [speed('known', 0.5)],
      queues: [queue({ heads: jobs(2) })],
    });
    expect(nodesOf(plan(given, 'earliest-completion')).sort()).toEqual(['known', 'new']);
  });
});

test('a higher priority goes first, whatever queue it is in; then the older one', () => {
  const queues = [
    queue({ id: 'normal', heads: [head({ createdAt: 1 }), head({ createdAt: 2 })] }),
    queue({ id: 'urgent', heads: [head({ band: 1, createdAt: 9 })] }),
    queue({ id: 'older', heads: [head({ createdAt: 0 })] }),
  ];
  const given = snapshot({ nodes: [node('a', { freeSlots: [1, 2, 3] })], queues });
  expect(plan(given, 'least-loaded').map(({ queueId }) => queueId)).toEqual(['urgent', 'older', 'normal']);
});

test('a queue that nobody serves keeps nobody else waiting', () => {
  const queues = [
    queue({ id: 'unserved', model: 'other', heads: [head({ band: 1 })] }),
    queue({ id: 'served' }),
  ];
  for (const strategy of strategyNames) {
    expect(plan(snapshot({ nodes: [node('a')], queues }), strategy)).toMatchObject([{ queueId: 'served' }]);
  }
});

test('least loaded takes the node with the smallest share of its slots in use', () => {
  const nodes = [
    node('small', { freeSlots: [1, 2] }),
    node('large', { freeSlots: [2, 3, 4], busyForSeconds: [10] }),
  ];
  const given = snapshot({ nodes, queues: [queue({ heads: jobs(4) })] });
  expect(nodesOf(plan(given, 'least-loaded'))).toEqual(['small', 'large', 'small', 'large']);
});

test('round robin takes turns, from the node whose last turn is longest ago', () => {
  const nodes = ['a', 'b', 'c'].map((id, n) => node(id, { freeSlots: [1, 2], lastLeasedAt: 10 - n }));
  const given = snapshot({ nodes, queues: [queue({ heads: jobs(5) })] });
  expect(nodesOf(plan(given, 'round-robin'))).toEqual(['c', 'b', 'a', 'c', 'b']);
});

describe('shortest first', () => {
  const order = (...heads: ReturnType<typeof head>[]): string[] => {
    const given = snapshot({ nodes: [node('a')], queues: [queue({ heads })] });
    return plan(given, 'shortest-first').map(({ jobId }) => jobId);
  };

  test('starts a short task before a long one that came a little earlier', () => {
    expect(order(head({ id: 'long', cost: 100 }), head({ id: 'short', tag: 60, cost: 5 }))).toEqual([
      'short',
    ]);
  });

  test('lets none wait longer for shorter ones than so many times its own length', () => {
    const long = head({ id: 'long', cost: 100 });
    expect(order(long, head({ id: 'early', tag: 1_139, cost: 5 }))).toEqual(['early']);
    expect(order(long, head({ id: 'late', tag: 1_141, cost: 5 }))).toEqual(['long']);
  });
});

test('a task that lives on a node runs there, and lets others pass while that is busy', () => {
  const nodes = [node('a'), node('b', { freeSlots: [], busyForSeconds: [5] })];
  const heads = [head({ id: 'pinned', nodeId: 'b' }), head({ id: 'other' })];
  for (const strategy of strategyNames) {
    expect(plan(snapshot({ nodes, queues: [queue({ heads })] }), strategy)).toMatchObject([
      { jobId: 'other' },
    ]);
  }
});

test('a node on trial gets one task at a time', () => {
  const trial = { trial: true, freeSlots: [1, 2, 3] };
  const started = (busyForSeconds: number[]) =>
    plan(
      snapshot({ nodes: [node('a', { ...trial, busyForSeconds })], queues: [queue({ heads: jobs(3) })] }),
      'earliest-completion',
    ).length;
  expect([started([]), started([5])]).toEqual([1, 0]);
});

test('tasks beyond a limit wait, and let those pass that are within', () => {
  const heads = [...jobs(3), head({ userId: 'bob', createdAt: 9 })];
  const queues = [queue({ heads }), queue({ id: 'full', model: 'flux', heads: jobs(2) })];
  const offers = [{ kind: 'TEXT_TO_IMAGE', models: ['qwen', 'flux'] }];
  const nodes = [node('a', { offers, freeSlots: [1, 2, 3, 4, 5] })];
  const limits = { users: new Map([['ann', 2]]), models: new Map([['flux', 0]]) };
  for (const strategy of strategyNames) {
    const placements = plan(snapshot({ nodes, queues, limits }), strategy);
    expect(placements.map(({ jobId }) => heads.find(({ id }) => id === jobId)?.userId)).toEqual([
      'ann',
      'ann',
      'bob',
    ]);
  }
});

describe('user hash', () => {
  const nodes = ['a', 'b', 'c', 'd'].map((id) => node(id, { freeSlots: [1, 2, 3, 4] }));
  const users = Array.from({ length: 40 }, (_, n) => `user-${n}`);
  const nodeOf = (userId: string, among = nodes): string | undefined =>
    nodesOf(plan(snapshot({ nodes: among, queues: [queue({ heads: [head({ userId })] })] }), 'user-hash'))[0];

  test('keeps a user on a node, and spreads users over nodes', () => {
    expect(users.map((user) => nodeOf(user))).toEqual(users.map((user) => nodeOf(user)));
    for (const { id } of nodes) {
      expect(users.filter((user) => nodeOf(user) === id).length).toBeGreaterThanOrEqual(4);
    }
  });

  test('moves only the users of a node that goes', () => {
    const left = nodes.filter(({ id }) => id !== 'b');
    for (const user of users) {
      if (nodeOf(user) !== 'b') expect(nodeOf(user, left)).toBe(nodeOf(user));
    }
  });

  test('bounds how much busier than the others a node gets', () => {
    const heads = Array.from({ length: 8 }, (_, n) => head({ userId: 'ann', createdAt: n }));
    const placements = plan(snapshot({ nodes, queues: [queue({ heads })] }), 'user-hash');
    const perNode = [...Map.groupBy(placements, ({ nodeId }) => nodeId).values()].map(
      (group) => group.length,
    );
    expect(placements).toHaveLength(8);
    expect(Math.max(...perNode)).toBeLessThanOrEqual(3);
  });
});
