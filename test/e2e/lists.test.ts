import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from './outside/client.ts';
import { cancel, draw, drawn, picture, submit } from './outside/contract.ts';
import { openPlace, type Place } from './outside/place.ts';

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place?.[Symbol.asyncDispose]());

const LIST = `query ($where: TaskWhere, $orderBy: TaskOrder, $first: Int, $after: String, $last: Int, $before: String) {
  tasks(where: $where, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id status createdAt } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

interface Page {
  readonly edges: readonly { cursor: string; node: { id: string; status: string; createdAt: string } }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

async function page(client: Client, variables: object): Promise<Page> {
  return (await client.ask<{ tasks: Page }>(LIST, variables)).tasks;
}

async function ids(client: Client, where: object): Promise<string[]> {
  return (await page(client, { where, orderBy: 'OLDEST', first: 100 })).edges.map(({ node }) => node.id);
}

async function drawMany(client: Client, model: string, count: number): Promise<string[]> {
  const made: string[] = [];
  for (let n = 0; n < count; n++) made.push((await draw(client, model)).id);
  return made;
}

describe.concurrent('tasks', () => {
  test('pages are stable while new tasks arrive, in both orders', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member();
    const made = await drawMany(member, node.model, 7);
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const { edges, pageInfo }: Page = await page(member, { first: 3, after });
      seen.push(...edges.map((edge) => edge.node.id));
      expect(pageInfo).toMatchObject({
        startCursor: edges[0]?.cursor,
        endCursor: edges.at(-1)?.cursor,
        hasPreviousPage: expect.any(Boolean),
      });
      await draw(member, node.model);
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after !== null);
    expect(seen).toEqual(made.toReversed());

    const oldest = await page(member, { orderBy: 'OLDEST', first: 4 });
    const newer = await page(member, { orderBy: 'OLDEST', first: 100, after: oldest.pageInfo.endCursor });
    const all = [...oldest.edges, ...newer.edges].map((edge) => edge.node.id);
    expect(all.slice(0, 7)).toEqual(made);
    expect(new Set(all).size).toBe(10);
    expect(newer.pageInfo.hasNextPage).toBe(false);
  });

  test('a list is read backwards too', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member();
    const made = await drawMany(member, node.model, 5);
    const last = await page(member, { orderBy: 'OLDEST', last: 2 });
    expect(last.edges.map((edge) => edge.node.id)).toEqual(made.slice(3));
    expect(last.pageInfo).toMatchObject({ hasPreviousPage: true });
    const before = await page(member, { orderBy: 'OLDEST', last: 10, before: last.pageInfo.startCursor });
    expect(before.edges.map((edge) => edge.node.id)).toEqual(made.slice(0, 3));
    expect(before.pageInfo).toMatchObject({ hasPreviousPage: false });
  });

  test('filters by status, kind, model, labels and time hold alone and together', async () => {
    const [one, two] = await Promise.all([place.node(), place.node({ slots: 0 })]);
    const member = await place.member();
    const done = await drawn(member, one.model, { labels: { project: 'fox', stage: 'draft' } });
    const other = await drawn(member, one.model, { labels: { project: 'owl' } });
    const waiting = await draw(member, two.model, { labels: { project: 'fox' } });
    const canceled = await draw(member, two.model);
    await cancel(member, canceled.id);

    expect(await ids(member, { status: ['SUCCEEDED'] })).toEqual([done.id, other.id]);
    expect(await ids(member, { status: ['CANCELED', 'FAILED'] })).toEqual([canceled.id]);
    expect(await ids(member, { model: [two.model] })).toEqual([waiting.id, canceled.id]);
    expect(await ids(member, { kind: ['SPEECH_TO_TEXT'] })).toEqual([]);
    expect(await ids(member, { kind: ['TEXT_TO_IMAGE'] })).toHaveLength(4);
    expect(await ids(member, { labels: { project: 'fox' } })).toEqual([done.id, waiting.id]);
    expect(await ids(member, { labels: { project: 'fox', stage: 'draft' } })).toEqual([done.id]);
    expect(
      await ids(member, { labels: { project: 'fox' }, status: ['SUCCEEDED'], model: [one.model] }),
    ).toEqual([done.id]);
    expect(await ids(member, { createdAfter: waiting.createdAt })).toEqual(
      expect.arrayContaining([canceled.id]),
    );
    expect(await ids(member, { createdAfter: waiting.createdAt })).not.toContain(other.id);
    expect(await ids(member, { createdBefore: other.createdAt })).not.toContain(waiting.id);
    expect(await ids(member, { createdBefore: waiting.createdAt })).toEqual(
      expect.arrayContaining([done.id, other.id]),
    );
    expect(await ids(member, { status: [] })).toEqual([]);
  });

  test('a page that cannot be is refused with what would be right', async () => {
    const member = await place.member();
    for (const wrong of [
      { first: -1 },
      { first: 100_000 },
      { first: 1, after: 'nonsense' },
      { first: 1, last: 1 },
    ]) {
      const { data, errors } = await member.reply(LIST, wrong);
      expect([wrong, data ?? null, errors[0]?.extensions.code]).toEqual([wrong, null, 'BAD_USER_INPUT']);
    }
  });
});

describe.concurrent('node(id) and nodes(ids)', () => {
  test('everybody gets his own objects and null for the rest', async () => {
    const node = await place.node();
    const [member, stranger, operator] = await Promise.all([
      place.member(),
      place.member(),
      place.member({ role: 'OPERATOR' }),
    ]);
    const task = await drawn(member, node.model);
    const artifact = task.result?.images?.[0]?.id;
    const all = ['nonsense', task.id, artifact, member.id, 'task_01h455vb4pex5vsknk084sn02q', task.id];
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }';
    expect(await member.ask(query, { ids: all })).toEqual({
      nodes: [
        null,
        { __typename: 'Task', id: task.id },
        { __typename: 'Artifact', id: artifact },
        { __typename: 'User', id: member.id },
        null,
        { __typename: 'Task', id: task.id },
      ],
    });
    expect(await stranger.ask(query, { ids: all })).toEqual({
      nodes: [null, null, null, null, null, null],
    });
    expect(await operator.ask(query, { ids: [task.id, artifact, node.id] })).toMatchObject({
      nodes: [{ id: task.id }, { id: artifact }, { id: node.id }],
    });
    const one = 'query ($id: ID!) { node(id: $id) { id ... on Task { status } } }';
    expect(await member.ask(one, { id: task.id })).toEqual({ node: { id: task.id, status: 'SUCCEEDED' } });
    expect(await stranger.ask(one, { id: task.id })).toEqual({ node: null });
    expect(await stranger.ask(one, { id: 'nonsense' })).toEqual({ node: null });
    const { errors } = await member.as(null).reply<object>(one, { id: task.id });
    expect(errors[0]?.extensions.code ?? 'null').toMatch(/UNAUTHENTICATED|null/);
  });

  test('what is not there is null, of every type and for every role', async () => {
    const ids = ['task', 'user', 'apikey', 'node', 'artifact'].map(
      (type) => `${type}_01h455vb4pex5vsknk084sn02q`,
    );
    for (const who of [await place.member(), await place.member({ role: 'OPERATOR' }), place.admin]) {
      const query = 'query ($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { id } node(id: $id) { id } }';
      for (const id of ids) {
        expect(await who.ask(query, { ids, id })).toEqual({ nodes: ids.map(() => null), node: null });
      }
    }
  });

  test('owners see of a node its id and name alone', async () => {
    const node = await place.node();
    const member = await place.member();
    const query = `query ($id: ID!) { node(id: $id) { ... on GpuNode {
      id name url protocol status slots busySlots offers { models } speed failures lastSeenAt
    } } }`;
    const { node: seen } = await member.ask<{ node: Record<string, unknown> | null }>(query, { id: node.id });
    for (const [field, value] of Object.entries(seen ?? {})) {
      if (field !== 'id' && field !== 'name') expect([field, value]).toEqual([field, null]);
    }
    expect(await place.admin.ask(query, { id: node.id })).toMatchObject({
      node: {
        name: node.name,
        url: expect.stringContaining(node.simulator.url),
        protocol: 'OPENAI',
        slots: 1,
      },
    });
  });
});

describe.concurrent('stats and models', () => {
  test('they count what waits, runs and is free', async () => {
    const node = await place.node({ slots: 0 });
    const member = await place.member({ role: 'OPERATOR' });
    await draw(member, node.model);
    await node.simulator.received(1);
    await drawMany(member, node.model, 3);
    const startAt = new Date(Date.now() + 3_600_000).toISOString();
    await submit(member, { ...picture(node.model), startAt });
    const { stats, models } = await member.ask<{
      stats: { queues: { name: string; oldestQueuedMs: number }[]; workers: object; nodes: object };
      models: { kind: string; name: string }[];
    }>(`{
      models { kind name isDefault slots freeSlots }
      stats {
        queues { name kind model queued running scheduled capacity usage slots oldestQueuedMs }
        workers { processes active idle }
        nodes { healthy unhealthy draining slots busySlots }
      }
    }`);
    const queue = stats.queues.find(({ name }) => name === `text-to-image/${node.model}`);
    expect(queue).toMatchObject({
      kind: 'TEXT_TO_IMAGE',
      model: node.model,
      queued: 3,
      running: 1,
      scheduled: 1,
      capacity: 100_000,
      usage: 4 / 100_000,
      slots: 1,
    });
    expect(queue?.oldestQueuedMs).toBeGreaterThanOrEqual(0);
    expect(stats.workers).toMatchObject({
      processes: 1,
      active: expect.any(Number),
      idle: expect.any(Number),
    });
    expect(stats.nodes).toMatchObject({ unhealthy: 0, draining: 0 });
    expect(models.find(({ kind, name }) => kind === 'TEXT_TO_IMAGE' && name === node.model)).toMatchObject({
      slots: 1,
      freeSlots: 0,
    });
  });
});
