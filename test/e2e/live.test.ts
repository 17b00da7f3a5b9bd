import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import type { Client } from './outside/client.ts';
import {
  cancel,
  draw,
  drawn,
  EVENTS,
  type EventView,
  find,
  good,
  load,
  picture,
  remove as removeTask,
  retry,
  submit,
  type TaskView,
  WATCH,
  WATCH_ALL,
} from './outside/contract.ts';
import { type Cluster, type Member, openCluster, type SimulatedNode } from './outside/place.ts';
import { next, rest, until } from './outside/streams.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await openCluster({ HEALTH_CHECK_INTERVAL_MS: '1000' });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

type Watched = { it: TaskView };
type Event = { it: EventView };

/** The two API processes as that caller sees them. */
function sides(client: Client): [Client, Client] {
  const [one, two] = cluster.apis;
  return [client.at(one.url), client.at(two.url)];
}

async function held(): Promise<{ node: SimulatedNode; member: Member }> {
  const [node, member] = await Promise.all([cluster.node({ slots: 0 }), cluster.member()]);
  return { node, member };
}

function expectGapFree(events: readonly Event[], from: number): void {
  expect(events.map(({ it }) => it.version)).toEqual(events.map((_, index) => from + index));
}

describe.concurrent('taskUpdated', () => {
  test('tells the task as it is, every change, and completes, over both transports from both processes', async () => {
    const { node, member } = await held();
    const [one, two] = sides(member);
    const task = await draw(one, node.model);
    await using socket = await two.socket();
    const streams = [
      one.sse<Watched>(WATCH, { id: task.id }),
      two.sse<Watched>(WATCH, { id: task.id }),
      socket.subscribe<Watched>(WATCH, { id: task.id }),
    ];
    const before = await Promise.all(streams.map(next));
    for (const { it } of before)
      expect(it).toMatchObject({ id: task.id, status: /QUEUED|RUNNING/.exec(it.status)?.[0] });
    await node.simulator.received(1);
    node.simulator.set({ slots: 1 });
    for (const values of await Promise.all(streams.map(rest))) {
      const versions = values.map(({ it }) => it.version);
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
      expect(values.at(-1)?.it).toMatchObject({
        status: 'SUCCEEDED',
        version: 3,
        result: { images: [{ mimeType: 'image/png' }] },
      });
    }
    const { url } = (await load(two, task.id)).result?.images?.[0] ?? {};
    expect((await fetch(url ?? '')).status).toBe(200);
  });

  test('of a final task is told once; of another’s or none is refused as not found', async () => {
    const [node, member, stranger] = await Promise.all([cluster.node(), cluster.member(), cluster.member()]);
    const task = await drawn(member, node.model);
    expect(await rest(member.sse<Watched>(WATCH, { id: task.id }))).toMatchObject([
      { it: { status: 'SUCCEEDED' } },
    ]);
    await using socket = await stranger.socket();
    for (const id of [task.id, 'task_01h455vb4pex5vsknk084sn02q', 'nonsense']) {
      const refused = { code: 'NOT_FOUND' };
      await expect(next(stranger.sse(WATCH, { id }))).rejects.toMatchObject(refused);
      await expect(next(socket.subscribe(WATCH, { id }))).rejects.toMatchObject(refused);
      await expect(next(socket.subscribe(EVENTS, { id }))).rejects.toMatchObject(refused);
    }
    await using anonymous = await member.as(null).socket();
    await expect(next(anonymous.subscribe(WATCH, { id: task.id }))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    await expect(next(member.as(null).sse(WATCH, { id: task.id }))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  test('completes when the task is deleted', async () => {
    const { node, member } = await held();
    const [one, two] = sides(member);
    const task = await draw(one, node.model, { startAt: new Date(Date.now() + 3_600_000).toISOString() });
    const stream = two.sse<Watched>(WATCH, { id: task.id });
    await next(stream);
    await using socket = await two.socket();
    const events = socket.subscribe<Event>(EVENTS, { id: task.id, after: 2 });
    const first = events.next();
    // What was sent before it has come as well.
    await next(socket.subscribe('{ me { id } }'));
    await cancel(one, task.id);
    expect((await rest(stream)).at(-1)?.it.status).toBe('CANCELED');
    await removeTask(one, task.id);
    expect(await first).toEqual({ done: true, value: undefined });
    expect(await find(two, task.id)).toBeNull();
  });
});

describe.concurrent('taskEvents', () => {
  test('comes back with after without a gap or a repeat, from another process and transport each time', async () => {
    const [node, member] = await Promise.all([cluster.node(), cluster.member()]);
    const [one, two] = sides(member);
    node.simulator.failNext({ type: 'fail' }, 2);
    const task = await draw(one, node.model, { maxAttempts: 3 });
    const seen: Event[] = [];
    const tail = () => ({ id: task.id, after: seen.length });

    await using cut = await one.socket();
    seen.push(...(await until(cut.subscribe<Event>(EVENTS, tail()), ({ it }) => it.type === 'STARTED')));
    cut.cut();
    const overSse = two.sse<Event>(EVENTS, tail());
    seen.push(...(await until(overSse, ({ it }) => it.type === 'RETRYING')));
    await overSse.return();
    await using back = await two.socket();
    seen.push(...(await rest(back.subscribe<Event>(EVENTS, tail()))));

    expectGapFree(seen, 1);
    expect(seen.map(({ it }) => it.type)).toEqual([
      ...['SUBMITTED', 'STARTED', 'RETRYING', 'STARTED', 'RETRYING', 'STARTED', 'SUCCEEDED'],
    ]);
    expect((await load(one, task.id)).events).toMatchObject(
      seen.map(({ it: { version, type } }) => ({ version, type })),
    );
  });

  test('after beyond the end waits for what comes', async () => {
    const [node, member] = await Promise.all([cluster.node(), cluster.member()]);
    const [one, two] = sides(member);
    node.simulator.failNext({ type: 'status', status: 400 });
    const task = await drawn(one, node.model);
    expect(task).toMatchObject({ status: 'FAILED', version: 3 });
    expect(await rest(one.sse(EVENTS, { id: task.id, after: 1 }))).toHaveLength(2);
    await using socket = await two.socket();
    const beyond = socket.subscribe<Event>(EVENTS, { id: task.id, after: 4 });
    const first = next(beyond);
    await retry(one, task.id);
    expect((await first).it).toMatchObject({ version: 5, type: 'STARTED' });
    expect((await rest(beyond)).map(({ it }) => it.type)).toEqual(['SUCCEEDED']);
  });

  test('a negative after is refused', async () => {
    const [node, member] = await Promise.all([cluster.node(), cluster.member()]);
    const task = await drawn(member, node.model);
    await expect(rest(member.sse(EVENTS, { id: task.id, after: -1 }))).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });
});

describe.concurrent('tasksUpdated', () => {
  test('tells matching tasks of the caller alone, also those changed since a time', async () => {
    const [node, other, member, stranger] = await Promise.all([
      cluster.node(),
      cluster.node(),
      cluster.member(),
      cluster.member(),
    ]);
    const [one, two] = sides(member);
    const earlier = await drawn(one, node.model);
    const where = { model: [node.model], status: ['SUCCEEDED'] };
    await using socket = await two.socket();
    const stream = socket.subscribe<Watched>(WATCH_ALL, { where, since: earlier.createdAt });
    expect((await next(stream)).it).toMatchObject({ id: earlier.id, status: 'SUCCEEDED' });
    await drawn(stranger.at(one.url), node.model);
    await drawn(one, other.model);
    const task = await drawn(one, node.model);
    const values = await until(stream, ({ it }) => it.id === task.id);
    expect(new Set(values.map(({ it }) => it.id))).toEqual(
      new Set(values.length > 1 ? [earlier.id, task.id] : [task.id]),
    );
    await stream.return();
  });

  test('operators are told of everybody’s, live', async () => {
    const [node, member, operator] = await Promise.all([
      cluster.node(),
      cluster.member(),
      cluster.member({ role: 'OPERATOR' }),
    ]);
    const [, two] = sides(operator);
    const stream = two.sse<Watched>(WATCH_ALL, { where: { userId: member.id, status: ['SUCCEEDED'] } });
    let told: string | null = null;
    const first = next(stream).then(({ it }) => {
      told = it.id;
    });
    // Nothing says when the stream has begun: some task of those is the first that it tells.
    const made: string[] = [];
    while (told === null && made.length < 100) made.push((await drawn(member, node.model)).id);
    await first;
    expect(made).toContain(told);
    await stream.return();
  });
});

describe.concurrent('gpuNodeUpdated and stats', () => {
  test('operators see what becomes of nodes, from either process; others do not', async () => {
    const operator = await cluster.member({ role: 'OPERATOR' });
    const [one, two] = sides(operator);
    const node = await cluster.node({ port: await freePort() });
    const watch = 'subscription { it: gpuNodeUpdated { id name status slots busySlots } }';
    type Nodes = { it: { id: string; status: string; slots: number } };
    await using socket = await two.socket();
    const stream = socket.subscribe<Nodes>(watch);
    const is = (status: string) => (value: Nodes) => value.it.id === node.id && value.it.status === status;
    await until(stream, is('HEALTHY'));
    const change = (field: string, input = '') =>
      one.ask(
        `mutation { it: ${field}(id: "${node.id}"${input}) { __typename ... on GpuNode { status slots } ... on Error { message } } }`,
      );
    expect(await change('updateNode', ', input: { slots: 3 }')).toMatchObject({ it: { slots: 3 } });
    await until(stream, ({ it }) => it.id === node.id && it.slots === 3);
    await change('drainNode');
    await until(stream, is('DRAINED'));
    await change('resumeNode');
    await until(stream, is('HEALTHY'));
    await node.simulator.refuseConnections();
    await until(stream, is('UNHEALTHY'));
    await node.simulator.acceptConnections();
    await until(stream, is('HEALTHY'));
    const remove = `mutation { it: removeNode(id: "${node.id}") { __typename } }`;
    expect(await one.ask(remove)).toMatchObject({ it: { __typename: 'RemoveNodePayload' } });
    await until(stream, is('REMOVED'));
    expect(await one.ask(remove)).toMatchObject({ it: { __typename: 'NotFoundError' } });
    const member = await cluster.member();
    await expect(next(member.sse(watch))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('stats come at once and again, for every signed-in user', async () => {
    const member = await cluster.member();
    const [, two] = sides(member);
    const query =
      'subscription { it: stats(everyMs: 200) { workers { processes } nodes { slots } queues { name } } }';
    const stream = two.sse(query);
    for (const value of [await next(stream), await next(stream)]) {
      expect(value).toMatchObject({ it: { workers: { processes: 1 }, nodes: null } });
    }
    await stream.return();
    await expect(next(member.as(null).sse(query))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe.concurrent('several processes', () => {
  test('the same key at both at once is one task', async () => {
    const { node, member } = await held();
    const [one, two] = sides(member);
    const options = { ...picture(node.model), idempotencyKey: 'the-one' };
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) => draw(n % 2 ? one : two, node.model, options)),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
  });

  test('a running task is canceled from either, and stopped on its node', async ({ expect }) => {
    const { node, member } = await held();
    const [one, two] = sides(member);
    const task = await draw(one, node.model);
    const call = await node.simulator.received(1);
    expect(await cancel(two, task.id)).toMatchObject({ task: { status: 'CANCELED' } });
    expect((await call.ended).outcome).toBe('stopped');
    // The answer waits for the outcome half a second only.
    await expect
      .poll(() => cancel(one, task.id), { timeout: 10_000 })
      .toMatchObject({ outcome: 'STOPPED_ON_NODE' });
  });

  test('a running task is canceled from the process that does not run it, by asking its node', async ({
    expect,
  }) => {
    const [node, member] = await Promise.all([
      cluster.node({ protocol: 'COG', latencyMs: 60_000 }),
      cluster.member(),
    ]);
    const [one, two] = sides(member);
    const task = good<TaskView>(
      await submit(one, { task: { custom: { type: node.model, payload: {} } } }),
      'Task',
    );
    const call = await node.simulator.received(1);
    await Promise.all([cancel(one, task.id), cancel(two, task.id)]);
    expect((await call.ended).outcome).toBe('stopped');
    await expect
      .poll(() => cancel(one, task.id), { timeout: 10_000 })
      .toMatchObject({ outcome: 'STOPPED_ON_NODE' });
  });

  test('many watchers of many tasks at both miss nothing', async () => {
    const [node, member] = await Promise.all([cluster.node({ slots: 8 }), cluster.member()]);
    const [one, two] = sides(member);
    await using socket = await two.socket();
    const finals = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const task = await draw(n % 2 ? one : two, node.model);
        const events = socket.subscribe<Event>(EVENTS, { id: task.id });
        const [log, updates] = await Promise.all([
          rest(events),
          rest(one.sse<Watched>(WATCH, { id: task.id })),
        ]);
        expectGapFree(log, 1);
        return updates.at(-1)?.it.status;
      }),
    );
    expect(new Set(finals)).toEqual(new Set(['SUCCEEDED']));
  });
});
