import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeId } from '../../src/ids.ts';
import { connect } from '../http/socket-client.ts';
import { type Api, type Json, type Person, startApi } from '../http/support.ts';
import { failure, joinWork, registerNode, type Work } from '../http/work.ts';

let api: Api;
let owner: Person;
let other: Person;
let work: Work;

beforeAll(async () => {
  api = await startApi();
  await registerNode(api);
  const texts = await api.services.nodes.register({
    name: 'writer',
    url: 'http://127.0.0.1:9',
    protocol: 'OPENAI',
    slots: 4,
    offers: [
      { kind: 'TEXT_GENERATION', models: ['words'] },
      { kind: 'IMAGE_TO_IMAGE', models: ['brush'] },
    ],
  });
  await api.services.database.prisma.gpuNode.update({ where: { id: texts.id }, data: { healthy: true } });
  [owner, other] = await Promise.all([api.person('USER', 'VIP'), api.person()]);
  work = await joinWork(api);
});
afterAll(() => api[Symbol.asyncDispose]());

const SUBMIT = `mutation ($input: SubmitTasksInput!) {
  submitTasks(input: $input) {
    __typename
    ... on Batch {
      id total queued scheduled blocked running succeeded failed canceled createdAt finishedAt
      tasks(first: 100) { edges { node { id ref status input waitingReason dependsOn { ref } } } }
    }
    ... on Error { message }
    ... on InvalidInputError { issues { path message } }
    ... on IdempotencyConflictError { task { id } }
  }
}`;
const SUBMIT_ONE = `mutation ($input: SubmitTaskInput!) {
  submitTask(input: $input) {
    __typename
    ... on Task { id status dependsOn { id } batch { id } ref input }
    ... on Error { message }
    ... on InvalidInputError { issues { path message } }
  }
}`;

const picture = (prompt = 'a lighthouse') => ({ textToImage: { prompt } });

interface Given {
  readonly ref?: string;
  readonly dependsOnRefs?: readonly string[];
  readonly input?: object;
}
const member = ({ input = {}, ...given }: Given) => ({ ...given, input: { task: picture(), ...input } });

async function submit(tasks: readonly Given[], more: object = {}, as = owner): Promise<Json> {
  const { data, errors } = await api.send(SUBMIT, {
    as,
    variables: { input: { tasks: tasks.map(member), ...more } },
  });
  expect(errors).toEqual([]);
  return data.submitTasks as Json;
}

const issuesOf = async (tasks: readonly Given[], more: object = {}) =>
  (await submit(tasks, more)).issues as unknown as { path: string; message: string }[];

const nodesOf = (batch: Json): readonly Json[] =>
  ((batch.tasks?.edges ?? []) as unknown as { node: Json }[]).map(({ node }) => node);

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

  it('takes a thousand tasks with a few statements', async () => {
    const tasks = Array.from({ length: 1_000 }, (_, n) => ({
      ref: `t${n}`,
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

describe("another task's result", () => {
  it('is named by the API as it was given, and makes the task depend on it', async () => {
    const one = await api.send(SUBMIT_ONE, { as: owner, variables: { input: { task: picture() } } });
    const taskId = one.data.submitTask?.id;
    const image = { fromTask: { taskId } };
    const task = { imageToImage: { prompt: 'at night', image } };
    const child = await api.send(SUBMIT_ONE, { as: owner, variables: { input: { task } } });
    expect(child.data.submitTask).toMatchObject({
      status: 'BLOCKED',
      dependsOn: [{ id: taskId }],
      batch: null,
      ref: null,
      input: { image: { fromTask: { taskId, index: 0 } } },
    });
  });

  it.for<[string, object, string, RegExp]>([
    [
      'of a task that makes no files',
      { image: { fromTask: { ref: 'text' } } },
      'image.fromTask',
      /TEXT_GENERATION makes no files/,
    ],
    [
      'without a task',
      { image: { fromTask: { index: 1 } } },
      'image.fromTask',
      /exactly one of taskId and ref/,
    ],
    [
      'of a place that there cannot be',
      { image: { fromTask: { ref: 'image', index: -1 } } },
      'image.fromTask.index',
      /must be 0/,
    ],
  ])('%s is refused', async ([, input, path, message]) => {
    const issues = await issuesOf([
      { ref: 'text', input: { task: { textGeneration: { prompt: 'x' } } } },
      { ref: 'image' },
      { input: { task: { imageToImage: { prompt: 'x', ...input } } } },
    ]);
    expect(issues).toEqual([
      { path: `tasks[2].input.task.imageToImage.${path}`, message: expect.stringMatching(message) },
    ]);
  });

  it.for<[string, object, string, RegExp]>([
    ['that stands nowhere', { name: 'story', ref: 'text' }, 'textsFrom[0].name', /must stand in the input/],
    [
      'of a task that writes none',
      { name: 'scene', ref: 'image' },
      'textsFrom[0]',
      /TEXT_TO_IMAGE makes no text/,
    ],
    ['of nobody', { name: 'scene', ref: 'none' }, 'textsFrom[0]', /no task of this batch has the ref "none"/],
  ])('a text %s is refused', async ([, text, path, message]) => {
    const issues = await issuesOf([
      { ref: 'text', input: { task: { textGeneration: { prompt: 'x' } } } },
      { ref: 'image' },
      { input: { task: picture('{{scene}} {{other}}'), textsFrom: [text] } },
    ]);
    expect(issues).toEqual([{ path: `tasks[2].input.${path}`, message: expect.stringMatching(message) }]);
  });

  it('is not for tasks by themselves to name by a ref, nor for estimates to foresee', async () => {
    const input = { task: { imageToImage: { prompt: 'x', image: { fromTask: { ref: 'a' } } } } };
    const { data } = await api.send(SUBMIT_ONE, { as: owner, variables: { input } });
    expect(data.submitTask?.issues).toEqual([
      {
        path: 'task.imageToImage.image.fromTask',
        message: 'refs name tasks of the same batch: give an id here',
      },
    ]);
    const parent = await api.send(SUBMIT_ONE, { as: owner, variables: { input: { task: picture() } } });
    const asked = await api.send(
      'query ($input: SubmitTaskInput!) { estimateTask(input: $input) { startAt } }',
      { as: owner, variables: { input: { task: picture(), dependsOn: [parent.data.submitTask?.id] } } },
    );
    expect(asked).toMatchObject({ data: { estimateTask: null }, errors: [] });
  });
});

describe('a batch', () => {
  const WATCH = (id: unknown) =>
    `subscription { batchUpdated(id: "${id}") { queued running succeeded failed finishedAt } }`;

  it('tells its counts at once, then as its tasks change, until the last one is final', async () => {
    const { id } = await submit([{ ref: 'a' }, { dependsOnRefs: ['a'] }, {}]);
    const client = await connect(api, { as: owner });
    client.subscribe('1', WATCH(id));
    const first = (await client.next()).payload?.data?.batchUpdated;
    expect(first).toEqual({ queued: 3, running: 0, succeeded: 0, failed: 0, finishedAt: null });
    // All that was left by others too.
    const ended: unknown[] = [];
    for (let claimed = await work.start(); claimed.length > 0; claimed = await work.start()) {
      for (const one of claimed) await work.finish(one, failure);
    }
    for (;;) {
      const message = await client.next();
      if (message.type === 'complete') break;
      ended.push(message.payload?.data?.batchUpdated);
    }
    expect(ended.at(-1)).toEqual({
      queued: 0,
      running: 0,
      succeeded: 0,
      failed: 3,
      finishedAt: expect.any(String),
    });
    client.subscribe('2', WATCH(id));
    expect((await client.next()).payload?.data?.batchUpdated).toEqual(ended.at(-1));
    expect((await client.next()).type).toBe('complete');
    client.socket.close();
  });

  it('hears within its backstop of changes that nobody told of, and ends when it is deleted', async () => {
    const batch = await submit([{}]);
    const client = await connect(api, { as: owner });
    client.subscribe('1', WATCH(batch.id));
    expect((await client.next()).type).toBe('next');
    const { prisma, pool } = api.services.database;
    await pool.query(`UPDATE task SET updated_at = now(), version = version + 1 WHERE id IN (
      SELECT task_id FROM batch_task m JOIN batch b ON b.id = m.batch_id ORDER BY b.created_at DESC LIMIT 1)`);
    expect((await client.next()).type).toBe('next');
    const member = await prisma.batchTask.findFirstOrThrow({ orderBy: { batchId: 'desc' } });
    await api.services.tasks.cancel(member.taskId);
    for (let type = 'next'; type !== 'complete'; ) ({ type } = await client.next());
    await api.services.tasks.remove(member.taskId);
    const { data } = await api.send(`query ($id: ID!) { batch(id: $id) { id } }`, {
      as: owner,
      variables: { id: batch.id },
    });
    expect(data.batch).toBeNull();
    client.socket.close();
  });

  it('finds its tasks in lists and live', async () => {
    const [batch] = [await submit([{ ref: 'a' }, { ref: 'b' }]), await submit([{}])];
    const list =
      'query ($where: TaskWhere) { tasks(where: $where, orderBy: OLDEST) { edges { node { ref } } } }';
    const { data } = await api.send(list, { as: owner, variables: { where: { batchId: batch.id } } });
    expect(data.tasks).toEqual({ edges: [{ node: { ref: 'a' } }, { node: { ref: 'b' } }] });
    const wrong = await api.send(list, { as: owner, variables: { where: { batchId: 'task_x' } } });
    expect(wrong.errors[0]).toMatchObject({ message: expect.stringContaining('where.batchId') });
    const client = await connect(api, { as: owner });
    client.subscribe('1', `subscription { tasksUpdated(where: { batchId: "${batch.id}" }) { ref status } }`);
    // Answered behind the subscription.
    client.subscribe('2', 'subscription { stats(everyMs: 60000) { workers { processes } } }');
    await client.nextOf('2');
    const canceled = nodesOf(batch)[1]?.id;
    const stranger = await submit([{}]);
    for (const id of [nodesOf(stranger)[0]?.id, canceled]) {
      await api.send('mutation ($id: ID!) { cancelTask(id: $id) { __typename } }', {
        as: owner,
        variables: { id },
      });
    }
    const told = (await client.nextOf('1')).payload?.data?.tasksUpdated;
    expect(told).toEqual({ ref: 'b', status: 'CANCELED' });
    client.socket.close();
  });

  it('is canceled and retried as a whole', async () => {
    const batch = await submit([{ ref: 'a' }, { ref: 'b', dependsOnRefs: ['a'] }, { dependsOnRefs: ['b'] }]);
    const bulk = async (field: string, more: object = {}) => {
      const operation = `mutation ($where: TaskWhere!) { it: ${field}(where: $where) { ... on BulkPayload { count } } }`;
      const { data, errors } = await api.send(operation, {
        as: owner,
        variables: { where: { batchId: batch.id, ...more } },
      });
      expect(errors).toEqual([]);
      const counts = await api.send(
        'query ($id: ID!) { batch(id: $id) { queued blocked failed canceled } }',
        {
          as: owner,
          variables: { id: batch.id },
        },
      );
      return [data.it?.count, counts.data.batch];
    };
    expect(await bulk('cancelTasks')).toEqual([3, { queued: 0, blocked: 0, failed: 0, canceled: 3 }]);
    expect(await bulk('retryTasks', { status: ['CANCELED'] })).toEqual([
      3,
      { queued: 3, blocked: 2, failed: 0, canceled: 0 },
    ]);
  });

  it('is shown with a page of tasks by the same number of statements, however many there are', async () => {
    const everything = `query ($id: ID!) { tasks(first: 100, where: { userId: $id }) { edges { node {
      ref dependsOn { id ref } batch { total blocked tasks(first: 2) { edges { node { id } } } }
    } } } }`;
    const measured = [];
    for (const size of [1, 12]) {
      const person = await api.person('USER', 'VIP');
      for (let n = 0; n < size; n++) await submit([{ ref: 'a' }, { dependsOnRefs: ['a'] }], {}, person);
      const variables = { id: encodeId('User', person.user.id) };
      await api.send('{ me { id } }', { as: person });
      const query = vi.spyOn(pg.Client.prototype, 'query');
      const { data, errors } = await api.send(everything, { as: person, variables });
      measured.push(query.mock.calls.length);
      query.mockRestore();
      expect(errors).toEqual([]);
      expect(Object.keys(data.tasks?.edges ?? {})).toHaveLength(2 * size);
    }
    expect(measured[1]).toBe(measured[0]);
  });
});
