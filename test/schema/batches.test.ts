import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Batches, type Given, nodesOf, openBatches, picture } from './batch-support.ts';

let api: Batches['api'];
let owner: Batches['owner'];
let other: Batches['other'];
let work: Batches['work'];
let submit: Batches['submit'];
let issuesOf: Batches['issuesOf'];

beforeAll(async () => {
  ({ api, owner, other, work, submit, issuesOf } = await openBatches());
});
afterAll(() => api[Symbol.asyncDispose]());

describe('submitTasks', () => {
  it('accepts a graph in any order, and lists each task behind those that it depends on', async () => {
    const batch = await submit([
      { ref: 'last', dependsOnRefs: ['left', 'right'] },
      { ref: 'left', dependsOnRefs: ['first'] },
      { ref: 'right', dependsOnRefs: ['first', 'first'] },
      { ref: 'first' },
      {},
    ]);
    expect(batch).toMatchObject({
      total: 5,
      queued: 5,
      blocked: 3,
      scheduled: 0,
      running: 0,
      finishedAt: null,
    });
    expect(nodesOf(batch).map(({ ref, status, waitingReason }) => [ref, status, waitingReason])).toEqual([
      ['first', 'QUEUED', null],
      [null, 'QUEUED', null],
      ['left', 'BLOCKED', 'DEPENDENCY'],
      ['right', 'BLOCKED', 'DEPENDENCY'],
      ['last', 'BLOCKED', 'DEPENDENCY'],
    ]);
    expect(nodesOf(batch).at(-1)?.dependsOn).toEqual([{ ref: 'left' }, { ref: 'right' }]);
    await work.succeedAll();
    const query = 'query ($id: ID!) { batch(id: $id) { total queued succeeded finishedAt } }';
    const { data } = await api.send(query, { as: owner, variables: { id: batch.id } });
    expect(data.batch).toEqual({ total: 5, queued: 0, succeeded: 5, finishedAt: expect.any(String) });
  });

  it.for<[string, readonly Given[], object, string, RegExp]>([
    ['nothing', [], {}, 'tasks', /^must be 1 to 1,000$/],
    ['too many', Array.from({ length: 1_001 }, () => ({})), {}, 'tasks', /^must be 1 to 1,000$/],
    [
      'too many dependencies, on nobody',
      [{ dependsOnRefs: Array(19_000).fill('a') }, { dependsOnRefs: Array(1_001).fill('b') }],
      {},
      'tasks',
      /^must have at most 20,000 dependencies together, not 20,001$/,
    ],
    [
      'an unknown ref',
      [{}, { ref: 'b', dependsOnRefs: ['a'] }],
      {},
      'tasks[1].dependsOnRefs[0]',
      /^no task of this batch has the ref "a"$/,
    ],
    [
      'the same ref twice',
      [{ ref: 'a' }, { ref: 'a' }],
      {},
      'tasks[1].ref',
      /^is the ref of tasks\[0\] already$/,
    ],
    [
      'a task that needs itself',
      [{ ref: 'a', dependsOnRefs: ['a'] }],
      {},
      'tasks[0].dependsOnRefs[0]',
      /^closes a circle: a needs a$/,
    ],
    [
      'a circle',
      [
        { ref: 'a' },
        { ref: 'b', dependsOnRefs: ['a', 'd'] },
        { ref: 'c', dependsOnRefs: ['b'] },
        { ref: 'd', dependsOnRefs: ['c'] },
      ],
      {},
      'tasks[1].dependsOnRefs[1]',
      /^closes a circle: b needs d needs c needs b$/,
    ],
    [
      'what the batch has itself',
      [{ input: { idempotencyKey: 'k' } }],
      {},
      'tasks[0].input.idempotencyKey',
      /must be left out/,
    ],
    ['an answer that waits', [{ input: { waitMs: 5 } }], {}, 'tasks[0].input.waitMs', /must be left out/],
    ['an empty key', [{}], { idempotencyKey: '' }, 'idempotencyKey', /^must have 1 to 255 characters$/],
    [
      'an input that is wrong',
      [{}, { input: { task: { textToImage: { prompt: 'a fox', width: 3 } } } }],
      {},
      'tasks[1].input.task.textToImage.width',
      /^must be at least 16$/,
    ],
  ])('refuses %s, and says where', async ([, tasks, more, path, message]) => {
    expect(await issuesOf(tasks, more)).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it('tells everything that is wrong at once, and writes nothing', async () => {
    const before = await api.services.database.prisma.task.count();
    const issues = await issuesOf([
      { input: { dependsOn: ['task_nonsense'], maxAttempts: 0 } },
      {},
      {
        input: {
          task: { imageToImage: { prompt: 'x', image: { artifactId: 'artifact_none' } } },
          textsFrom: [{ name: '9', ref: 'x' }],
        },
      },
      { input: { task: { imageToImage: { prompt: 'x', image: { artifactId: 'artifact_none' } } } } },
    ]);
    expect(issues.map(({ path }) => path)).toEqual([
      'tasks[0].input.maxAttempts',
      'tasks[0].input.dependsOn[0]',
      'tasks[2].input.textsFrom[0].name',
      'tasks[2].input.task.imageToImage.image.artifactId',
      'tasks[3].input.task.imageToImage.image.artifactId',
    ]);
    expect(await api.services.database.prisma.task.count()).toBe(before);
  });

  it('tells every circle, beside what else is wrong', async () => {
    const issues = await issuesOf([
      { ref: 'a', dependsOnRefs: ['b'] },
      { ref: 'b', dependsOnRefs: ['a', 'nobody'] },
      { ref: 'c', dependsOnRefs: ['a', 'c'] },
    ]);
    expect(issues).toEqual([
      { path: 'tasks[1].dependsOnRefs[1]', message: 'no task of this batch has the ref "nobody"' },
      { path: 'tasks[0].dependsOnRefs[0]', message: 'closes a circle: a needs b needs a' },
      { path: 'tasks[2].dependsOnRefs[1]', message: 'closes a circle: c needs c' },
    ]);
  });

  it('with the same key and tasks is the same batch, whatever its tasks are called inside', async () => {
    const tasks = [
      { ref: 'a', input: { task: { textGeneration: { prompt: 'a story' } } } },
      { ref: 'b', input: { task: picture('{{story}}'), textsFrom: [{ name: 'story', ref: 'a' }] } },
    ];
    const first = await submit(tasks, { idempotencyKey: 'graph' });
    const again = await submit(tasks, { idempotencyKey: 'graph' });
    expect(again.id).toBe(first.id);
    const changed = await submit([...tasks, {}], { idempotencyKey: 'graph' });
    expect(changed).toMatchObject({
      __typename: 'IdempotencyConflictError',
      message: expect.stringContaining('a batch with another input'),
      task: { id: nodesOf(first)[0]?.id },
    });
    expect((await submit(tasks, { idempotencyKey: 'graph' }, other)).id).not.toBe(first.id);
  });

  it('has a bound on all its dependencies, on earlier tasks as well', async () => {
    const earlier = nodesOf(await submit(Array.from({ length: 21 }, () => ({})))).map(({ id }) => id);
    const tasks = Array.from({ length: 1_000 }, () => ({ input: { dependsOn: earlier } }));
    const message = 'must have at most 20,000 dependencies together, not 21,000';
    expect(await issuesOf(tasks)).toEqual([{ path: 'tasks', message }]);
  });

  it('takes a thousand tasks of two thousand characters with a few statements', async () => {
    const tasks = Array.from({ length: 1_000 }, (_, n) => ({
      ref: `t${n}`,
      input: { task: picture('x'.repeat(2_000)) },
      ...(n > 0 ? { dependsOnRefs: [`t${Math.floor(n / 2)}`] } : {}),
    }));
    await api.send('{ me { id } }', { as: owner });
    const query = vi.spyOn(pg.Client.prototype, 'query');
    try {
      const batch = await submit(tasks);
      expect(batch).toMatchObject({ total: 1_000, blocked: 999 });
      expect(query.mock.calls.length).toBeLessThan(40);
      const { data } = await api.send(`mutation ($id: ID!) { cancelTask(id: $id) { __typename } }`, {
        as: owner,
        variables: { id: nodesOf(batch)[0]?.id },
      });
      expect(data.cancelTask?.__typename).toBe('CancelTaskPayload');
      const counts = await api.send('query ($id: ID!) { batch(id: $id) { failed canceled finishedAt } }', {
        as: owner,
        variables: { id: batch.id },
      });
      expect(counts.data.batch).toEqual({ failed: 999, canceled: 1, finishedAt: expect.any(String) });
    } finally {
      query.mockRestore();
    }
  });
});
