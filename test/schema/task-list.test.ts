import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/ids.ts';
import { type Api, type Json, type Person, startApi } from '../http/support.ts';
import { failure, joinWork, registerNode } from '../http/work.ts';

let api: Api;
let user: Person;
/** In the order of their submission. */
const ids: string[] = [];

const submit = `mutation ($input: SubmitTaskInput!) {
  submitTask(input: $input) { ... on Task { id createdAt } ... on Error { message } }
}`;

async function submitted(as: Person, input: object): Promise<string> {
  const { data } = await api.send(submit, { as, variables: { input } });
  return String(data.submitTask?.id);
}

beforeAll(async () => {
  api = await startApi();
  await registerNode(api, 'node', 1);
  user = await api.person();
  for (let n = 0; n < 7; n++) {
    const labels = { n: String(n), parity: n % 2 === 0 ? 'even' : 'odd' };
    ids.push(await submitted(user, { task: { textToImage: { prompt: `picture ${n}` } }, labels }));
  }
  const work = await joinWork(api);
  const [claimed] = await work.start();
  if (claimed) await work.finish(claimed, failure);
});

afterAll(() => api[Symbol.asyncDispose]());

interface Page {
  readonly ids: string[];
  readonly cursors: string[];
  readonly pageInfo: Json;
}

async function list(args: string, as = user): Promise<Page> {
  const query = `{ tasks${args} { edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
  const { data, errors } = await api.send(query, { as });
  expect(errors).toEqual([]);
  const edges = Object.values(data.tasks?.edges ?? {});
  return {
    ids: edges.map(({ node }) => String(node?.id)),
    cursors: edges.map(({ cursor }) => String(cursor)),
    pageInfo: data.tasks?.pageInfo as Json,
  };
}

describe('the list of tasks', () => {
  it('has the newest first, or the oldest', async () => {
    expect((await list('')).ids).toEqual(ids.toReversed());
    expect((await list('(orderBy: OLDEST)')).ids).toEqual(ids);
  });

  it('is read forwards page by page, and nothing new moves what was read', async () => {
    const first = await list('(first: 3, orderBy: OLDEST)');
    expect(first.ids).toEqual(ids.slice(0, 3));
    expect(first.pageInfo).toMatchObject({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: first.cursors[0],
    });
    const other = await api.person();
    await submitted(other, { task: { textToImage: { prompt: 'in between' } } });
    const second = await list(`(first: 3, orderBy: OLDEST, after: "${first.pageInfo.endCursor}")`);
    expect(second.ids).toEqual(ids.slice(3, 6));
    const third = await list(`(first: 3, orderBy: OLDEST, after: "${second.pageInfo.endCursor}")`);
    expect(third.ids).toEqual(ids.slice(6));
    expect(third.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  it('is read backwards too', async () => {
    const last = await list('(last: 2)');
    expect(last.ids).toEqual(ids.toReversed().slice(-2));
    expect(last.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const before = await list(`(last: 2, before: "${last.pageInfo.startCursor}")`);
    expect(before.ids).toEqual(ids.toReversed().slice(-4, -2));
    expect(before.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
  });

  it('says of an empty page that it is the only one', async () => {
    const page = await list('(where: { model: ["nothing"] })');
    expect(page).toEqual({
      ids: [],
      cursors: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });

  it('is filtered by status, kind, model, labels and time', async () => {
    const [failed, ...queued] = ids;
    const where = async (filter: string) => (await list(`(orderBy: OLDEST, where: { ${filter} })`)).ids;
    expect(await where('status: [FAILED]')).toEqual([failed]);
    expect(await where('status: [QUEUED, RUNNING]')).toEqual(queued);
    expect(await where('kind: [SPEECH_TO_TEXT]')).toEqual([]);
    expect(await where('kind: [TEXT_TO_IMAGE], model: ["qwen-image"]')).toEqual(ids);
    expect(await where('labels: { parity: "even" }')).toEqual(ids.filter((_, n) => n % 2 === 0));
    expect(await where('labels: { parity: "even", n: "2" }')).toEqual([ids[2]]);
    expect(await where('labels: { parity: "neither" }')).toEqual([]);
    const { data } = await api.send(`{ task(id: "${ids[3]}") { createdAt } }`, { as: user });
    const at = String(data.task?.createdAt);
    expect(await where(`createdAfter: "${at}"`)).toEqual(ids.slice(4));
    expect(await where(`createdBefore: "${at}"`)).toEqual(ids.slice(0, 3));
  });

  it('is for operators that of everybody, or of one user', async () => {
    const operator = await api.person('OPERATOR');
    const own = await submitted(operator, { task: { textToImage: { prompt: 'an own one' } } });
    expect((await list('(first: 1)', operator)).ids).toEqual([own]);
    const of = (person: Person) =>
      `(orderBy: OLDEST, where: { userId: "${encodeId('User', person.user.id)}" })`;
    expect((await list(of(user), operator)).ids).toEqual(ids);
    expect((await list(of(operator), operator)).ids).toEqual([own]);
  });

  it('shows the events of each task, from where they are asked for, and as many', async () => {
    const read = async (args: string) => {
      const { data } = await api.send(`{ task(id: "${ids[0]}") { events${args} { version type } } }`, {
        as: user,
      });
      return data.task?.events;
    };
    const submitted = { version: 1, type: 'SUBMITTED' };
    const started = { version: 2, type: 'STARTED' };
    const failed = { version: 3, type: 'FAILED' };
    expect(await read('')).toEqual([submitted, started, failed]);
    expect(await read('(first: 2)')).toEqual([submitted, started]);
    expect(await read('(after: 1, first: 1)')).toEqual([started]);
    expect(await read('(after: 3)')).toEqual([]);
    expect(await read('(after: -1, first: 0)')).toEqual([]);
    const { errors } = await api.send(`{ task(id: "${ids[0]}") { events(first: 1001) { version } } }`, {
      as: user,
    });
    expect(errors[0]).toMatchObject({
      message: expect.stringContaining('1000'),
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it('tells the place of each waiting task in its queue, where users take turns', async () => {
    const query = '{ tasks(orderBy: OLDEST) { edges { node { status queuePosition queuedMs runningMs } } } }';
    const { data } = await api.send(query, { as: user });
    const nodes = Object.values(data.tasks?.edges ?? {}).map(({ node }) => node);
    expect(nodes[0]).toMatchObject({ status: 'FAILED', queuePosition: null, runningMs: expect.any(Number) });
    // Two others have submitted a task each by now, and had nothing before.
    expect(nodes.slice(1).map((node) => node?.queuePosition)).toEqual([3, 4, 5, 6, 7, 8]);
    expect(nodes[1]).toMatchObject({ queuedMs: expect.any(Number), runningMs: null });
  });
});
