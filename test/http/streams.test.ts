import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { first, subscribe } from './streams.ts';
import { type Api, bearer, keyThatExpires, type Person, startApi } from './support.ts';
import { joinWork, registerNode, type Work } from './work.ts';

let api: Api;
let user: Person;
let work: Work;

beforeAll(async () => {
  api = await startApi();
  await registerNode(api);
  user = await api.person();
  work = await joinWork(api);
});

afterAll(() => api[Symbol.asyncDispose]());

async function submit(as: Person, labels = '{}'): Promise<string> {
  const input = `{ task: { textToImage: { prompt: "a lighthouse" } }, labels: ${labels} }`;
  const { data } = await api.send(`mutation { submitTask(input: ${input}) { ... on Task { id } } }`, { as });
  return String(data.submitTask?.id);
}

describe('a stream over SSE', () => {
  it('tells the task as it is, each change, and completes when it is final', async () => {
    const id = await submit(user);
    const statuses: unknown[] = [];
    const query = `subscription { taskUpdated(id: "${id}") { status result { ... on ImageResult { images { sha256 } } } } }`;
    for await (const { data } of subscribe(api, query, { as: user })) {
      statuses.push(data.taskUpdated?.status);
      if (statuses.length === 1) await work.succeedAll();
      else if (String(statuses.at(-1)) === 'SUCCEEDED') {
        expect(data.taskUpdated?.result?.images).toEqual([
          { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
        ]);
      }
    }
    expect(statuses.at(0)).toBe('QUEUED');
    expect(statuses.at(-1)).toBe('SUCCEEDED');
  });

  it('replays the log of a task from where the caller has got to', async () => {
    const id = await submit(user);
    await work.succeedAll();
    const read = async (after: number) => {
      const versions: unknown[] = [];
      const query = `subscription { taskEvents(id: "${id}", after: ${after}) { version type task { status } } }`;
      for await (const { data } of subscribe(api, query, { as: user })) versions.push(data.taskEvents);
      return versions;
    };
    const task = { status: 'SUCCEEDED' };
    expect(await read(0)).toEqual([
      { version: 1, type: 'SUBMITTED', task },
      { version: 2, type: 'STARTED', task },
      { version: 3, type: 'SUCCEEDED', task },
    ]);
    expect(await read(2)).toEqual([{ version: 3, type: 'SUCCEEDED', task }]);
  });

  it('tells every task that matches, and with since those of before', async () => {
    const { rows } = await api.services.database.pool.query<{ since: Date }>('SELECT now() AS since');
    const { since } = rows[0] ?? {};
    await submit(user, '{ team: "blue" }');
    const red = await submit(user, '{ team: "red" }');
    const query =
      'subscription ($since: DateTime) { tasksUpdated(where: { labels: { team: "red" } }, since: $since) { id labels } }';
    const stream = subscribe(api, query, { as: user, variables: { since } });
    expect((await stream.next()).value?.data).toEqual({ tasksUpdated: { id: red, labels: { team: 'red' } } });
    const another = await submit(user, '{ team: "red" }');
    let told = red;
    // One that was told of may be told again.
    while (told === red) told = String((await stream.next()).value?.data.tasksUpdated?.id);
    expect(told).toBe(another);
    await stream.return(undefined);
  });

  it('tells operators of every node, and of each change', async () => {
    const operator = await api.person('OPERATOR');
    const stream = subscribe(api, 'subscription { gpuNodeUpdated { id name status } }', { as: operator });
    const { value } = await stream.next();
    expect(value?.data.gpuNodeUpdated).toMatchObject({ name: 'node', status: 'HEALTHY' });
    await api.send(`mutation { drainNode(id: "${value?.data.gpuNodeUpdated?.id}") { __typename } }`, {
      as: operator,
    });
    expect((await stream.next()).value?.data.gpuNodeUpdated).toMatchObject({ name: 'node', status: /DRAIN/ });
    await stream.return(undefined);
  });

  it('tells the state of the whole at an interval', async () => {
    const stream = subscribe(
      api,
      'subscription { stats(everyMs: 100) { queues { name queued } workers { idle } } }',
      {
        as: user,
      },
    );
    for (let n = 0; n < 3; n++) {
      const { value } = await stream.next();
      expect(value?.data.stats?.queues?.[0]).toEqual({
        name: 'text-to-image/qwen-image',
        queued: expect.any(Number),
      });
    }
    await stream.return(undefined);
  });

  it('ends with UNAUTHENTICATED when its credential expires', async () => {
    const id = await submit(user);
    const { headers, expire, restore } = await keyThatExpires(api, user);
    try {
      const stream = subscribe(api, `subscription { taskUpdated(id: "${id}") { id } }`, { headers });
      let last = await stream.next();
      expect(last.value?.errors).toEqual([]);
      expire();
      // The task as it is may be told more than once.
      while (last.value?.errors.length === 0) last = await stream.next();
      expect(last.value?.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
      expect((await stream.next()).done).toBe(true);
    } finally {
      restore();
    }
  });

  it('says EVENTS_EXPIRED where events are kept no more', async () => {
    const id = await submit(user);
    await work.succeedAll();
    await api.services.database.pool.query('DELETE FROM task_event WHERE version = 1');
    const query = `subscription { taskEvents(id: "${id}") { version } }`;
    expect((await first(api, query, { as: user })).errors[0]?.extensions.code).toBe('EVENTS_EXPIRED');
  });

  it('leaves nothing open when its client goes, or takes no streams at all', async () => {
    const open = async () => {
      const text = await (await fetch(`${api.url}/metrics`)).text();
      return Number(/^switchyard_subscriptions (\d+)/m.exec(text)?.[1]);
    };
    const query = 'subscription { stats { workers { idle } } }';
    const stream = subscribe(api, query, { as: user });
    await stream.next();
    await expect.poll(open).toBe(1);
    await stream.return(undefined);
    await expect.poll(open).toBe(0);
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...bearer(user) },
      body: JSON.stringify({ query }),
    });
    expect(response.status).toBe(406);
    await expect.poll(open).toBe(0);
  });
});
