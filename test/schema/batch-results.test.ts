import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/ids.ts';
import { connect } from '../http/socket-client.ts';
import { failure } from '../http/work.ts';
import { fewestStatements } from '../support/statements.ts';
import { type Batches, nodesOf, openBatches, picture, SUBMIT_ONE } from './batch-support.ts';

let api: Batches['api'];
let owner: Batches['owner'];
let work: Batches['work'];
let submit: Batches['submit'];
let issuesOf: Batches['issuesOf'];

beforeAll(async () => {
  ({ api, owner, work, submit, issuesOf } = await openBatches());
});
afterAll(() => api[Symbol.asyncDispose]());

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

  it('gives a document a name of its own, which a repeated batch has, too', async () => {
    const create =
      'mutation { createKnowledgeBase(input: { name: "made" }) { ... on KnowledgeBase { id } } }';
    const { data } = await api.send(create, { as: owner });
    const { id: knowledgeBaseId } = data.createKnowledgeBase as { id: unknown };
    const document = (fromTask: object) => ({
      input: { task: { document: { knowledgeBaseId, file: { fromTask } } } },
    });
    const tasks = [{ ref: 'a' }, document({ ref: 'a' }), document({ ref: 'a', index: 1 })];
    const one = await submit(tasks, { idempotencyKey: 'made' });
    const [again, other] = [await submit(tasks, { idempotencyKey: 'made' }), await submit(tasks)];
    expect(again.id).toBe(one.id);
    for (const batch of [one, other]) {
      const [parent, ...documents] = nodesOf(batch);
      const names = documents.map(({ input }) => input?.name);
      expect(names).toEqual([`${parent?.id} 0`, `${parent?.id} 1`]);
    }
    expect(other.id).not.toBe(one.id);
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
    const next = async () => (await client.nextOf('1')).payload?.data?.tasksUpdated;
    let told = await next();
    // As they were submitted just before, they may be told of as well.
    while (String(told?.status) === 'QUEUED') told = await next();
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
      const two = [{ ref: 'a' }, { dependsOnRefs: ['a'] }];
      await Promise.all(Array.from({ length: size }, () => submit(two, {}, person)));
      const variables = { id: encodeId('User', person.user.id) };
      const statements = await fewestStatements(async () => {
        const { data, errors } = await api.send(everything, { as: person, variables });
        expect(errors).toEqual([]);
        expect(Object.keys(data.tasks?.edges ?? {})).toHaveLength(2 * size);
      });
      measured.push(statements);
    }
    expect(measured[1]).toBe(measured[0]);
  });
});
