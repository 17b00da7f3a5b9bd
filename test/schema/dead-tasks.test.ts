import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/ids.ts';
import { type Api, type Json, type Person, startApi } from '../http/support.ts';
import { failure, joinWork, pixel, registerNode, type Work } from '../http/work.ts';

let api: Api;
let work: Work;

beforeAll(async () => {
  api = await startApi();
  await registerNode(api, 'node', 100);
  await api.services.nodes.register({
    ...{ name: 'editor', url: 'http://127.0.0.1:9', protocol: 'OPENAI', slots: 9 },
    offers: [{ kind: 'IMAGE_TO_IMAGE', models: ['editor'] }],
  });
  await api.services.database.prisma.gpuNode.updateMany({ data: { healthy: true } });
  work = await joinWork(api);
});

afterAll(() => api[Symbol.asyncDispose]());

const submit = `mutation ($input: SubmitTaskInput!) {
  submitTask(input: $input) { ... on Task { id } ... on Error { message } }
}`;
const retry = `mutation ($id: ID!, $task: TaskSpec) { retryTask(id: $id, task: $task) {
  __typename
  ... on Task { id status model input attempt }
  ... on Error { message ... on InvalidInputError { issues { path message } } }
} }`;
const bulk = (command: string): string => `mutation ($where: TaskWhere!, $dryRun: Boolean) {
  ${command}(where: $where, dryRun: $dryRun) {
    ... on BulkPayload { count } ... on InvalidInputError { issues { path message } } } }`;

async function submitted(
  as: Person,
  task: object = { textToImage: { prompt: 'a fox' } },
  more = {},
): Promise<string> {
  const { data } = await api.send(submit, { as, variables: { input: { task, ...more } } });
  return String(data.submitTask?.id);
}

async function failAll(code: 'NODE_REJECTED' | 'NODE_ERROR' = 'NODE_REJECTED'): Promise<void> {
  const end = { ...failure, ...('error' in failure ? { error: { ...failure.error, code } } : {}) };
  await Promise.all((await work.start()).map((claimed) => work.finish(claimed, end)));
}

async function ask(query: string, as: Person, variables: object): Promise<Json> {
  const { data, errors } = await api.send(query, { as, variables });
  expect(errors).toEqual([]);
  return Object.values(data)[0] as Json;
}

const retryTasks = (as: Person, where: object, dryRun = false) =>
  ask(bulk('retryTasks'), as, { where, dryRun });
const cancelTasks = (as: Person, where: object, dryRun = false) =>
  ask(bulk('cancelTasks'), as, { where, dryRun });

describe('tasks that failed', () => {
  it('are found by what they failed of, counted, and retried together', async () => {
    const [person, other] = [await api.person(), await api.person()];
    const rejected = await Promise.all([submitted(person), submitted(person), submitted(other)]);
    await failAll();
    await submitted(person);
    await failAll('NODE_ERROR');
    const where = { errorCode: ['NODE_REJECTED'] };
    const list = `query ($where: TaskWhere) { tasks(where: $where) { edges { node { id error { code } } } } }`;
    const found = await ask(list, person, { where });
    expect(Object.values(found.edges ?? {}).map(({ node }) => node?.id)).toEqual(
      rejected.slice(0, 2).toSorted().reverse(),
    );
    expect(await retryTasks(person, where, true)).toEqual({ count: 2 });
    expect(await retryTasks(person, where)).toEqual({ count: 2 });
    expect(await retryTasks(person, where)).toEqual({ count: 0 });
    const operator = await api.person('OPERATOR');
    expect(await retryTasks(operator, { userId: encodeId('User', other.user.id) })).toEqual({ count: 1 });
    expect(await retryTasks(person, { status: ['FAILED', 'CANCELED'] })).toEqual({ count: 1 });
    await work.succeedAll();
  });

  it('tell of each round who asked for it, and all their attempts', async () => {
    const [person, operator] = [await api.person(), await api.person('OPERATOR')];
    const id = await submitted(person);
    await failAll();
    await retryTasks(operator, { userId: encodeId('User', person.user.id), labels: {} });
    await failAll('NODE_ERROR');
    await ask(retry, person, { id });
    await ask('mutation ($id: ID!) { cancelTask(id: $id) { __typename } }', person, { id });
    const query = `query ($id: ID!) { task(id: $id) {
      attempts { number outcome error { code } }
      events { version type by formerInput formerModel } } }`;
    const none = { formerInput: null, formerModel: null };
    expect(await ask(query, person, { id })).toEqual({
      attempts: [
        { number: 1, outcome: 'FAILED', error: { code: 'NODE_REJECTED' } },
        { number: 2, outcome: 'FAILED', error: { code: 'NODE_ERROR' } },
      ],
      events: [
        { version: 1, type: 'SUBMITTED', by: null, ...none },
        { version: 2, type: 'STARTED', by: null, ...none },
        { version: 3, type: 'FAILED', by: null, ...none },
        { version: 4, type: 'RETRIED', by: operator.user.username, ...none },
        { version: 5, type: 'STARTED', by: null, ...none },
        { version: 6, type: 'FAILED', by: null, ...none },
        { version: 7, type: 'RETRIED', by: person.user.username, ...none },
        { version: 8, type: 'CANCELED', by: person.user.username, ...none },
      ],
    });
  });
});

describe('a task that failed for its input', () => {
  it('is retried with another one, which is checked as that of a new task', async () => {
    const person = await api.person();
    const artifactId = encodeId(
      'Artifact',
      (await api.services.artifacts.save({ userId: person.user.id, bytes: pixel })).id,
    );
    const other = encodeId(
      'Artifact',
      (await api.services.artifacts.save({ userId: person.user.id, bytes: pixel })).id,
    );
    const image = (prompt: string, id: string) => ({ imageToImage: { prompt, image: { artifactId: id } } });
    const id = await submitted(person, image('at night', artifactId));
    expect(await ask(retry, person, { id, task: image('x', other) })).toMatchObject({
      __typename: 'InvalidStateError',
    });
    await failAll();
    expect(await ask(retry, person, { id, task: { textToImage: { prompt: 'x' } } })).toMatchObject({
      issues: [{ path: 'task', message: 'must be imageToImage: a task keeps its kind' }],
    });
    expect(await ask(retry, person, { id, task: image('', other) })).toMatchObject({
      issues: [{ path: 'task.imageToImage.prompt', message: 'must not be empty' }],
    });
    const unknown = { imageToImage: { prompt: 'x', image: { artifactId: other }, model: 'nowhere' } };
    expect(await ask(retry, person, { id, task: unknown })).toMatchObject({ __typename: 'NoSuchModelError' });
    const dependent = {
      imageToImage: { prompt: 'x', image: { fromTask: { taskId: await submitted(person) } } },
    };
    expect(await ask(retry, person, { id, task: dependent })).toMatchObject({
      issues: [{ message: 'must be a task that this one depends on already' }],
    });
    // An operator does so in the name of the owner, with the owner's files.
    const operator = await api.person('OPERATOR');
    expect(await ask(retry, operator, { id, task: image('by day', other) })).toMatchObject({
      ...{ __typename: 'Task', status: 'QUEUED', model: 'editor', attempt: 1 },
      input: { prompt: 'by day', image: { artifactId: other } },
    });
    const events = await ask(
      'query ($id: ID!) { task(id: $id) { events(after: 3) { by formerInput formerModel } } }',
      person,
      { id },
    );
    expect(events.events).toMatchObject([
      {
        ...{ by: operator.user.username, formerModel: 'editor' },
        formerInput: { prompt: 'at night', image: { artifactId } },
      },
    ]);
    await work.succeedAll();
  });
});

describe('a command for many tasks', () => {
  it('has to say which, and what can be done to them', async () => {
    const person = await api.person();
    const which = [{ path: 'where', message: expect.stringContaining('must say which') }];
    for (const where of [{}, { labels: {} }, { status: null }]) {
      expect(await retryTasks(person, where)).toEqual({ issues: which });
      expect(await cancelTasks(person, where)).toEqual({ issues: which });
    }
    expect(await retryTasks(person, { status: ['FAILED', 'RUNNING'] })).toMatchObject({
      issues: [
        {
          path: 'where.status',
          message: 'must be of FAILED, CANCELED: nothing can be done to what is RUNNING',
        },
      ],
    });
    expect(await cancelTasks(person, { status: ['SUCCEEDED'] })).toMatchObject({
      issues: [{ path: 'where.status' }],
    });
    expect(await cancelTasks(person, { status: [] })).toEqual({ count: 0 });
  });

  it('cancels what matches and has not ended, of more than a page', async () => {
    const person = await api.person();
    await Promise.all(
      Array.from({ length: 120 }, () => submitted(person, undefined, { labels: { set: 'a' } })),
    );
    const kept = await submitted(person, undefined, { labels: { set: 'b' } });
    expect(await cancelTasks(person, { labels: { set: 'a' } }, true)).toEqual({ count: 120 });
    expect(await cancelTasks(person, { labels: { set: 'a' } })).toEqual({ count: 120 });
    expect(await cancelTasks(person, { labels: { set: 'a' } })).toEqual({ count: 0 });
    const open = await ask('{ tasks(where: { status: [QUEUED] }) { edges { node { id } } } }', person, {});
    expect(open.edges).toEqual([{ node: { id: kept } }]);
    expect(await retryTasks(person, { labels: { set: 'a' } })).toEqual({ count: 0 });
    expect(await retryTasks(person, { labels: { set: 'a' }, status: ['CANCELED'] })).toEqual({ count: 120 });
  });
});
