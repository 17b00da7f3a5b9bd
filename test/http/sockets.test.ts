import { once } from 'node:events';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { defaultSocketLimits } from '../../src/http/sockets.ts';
import { connect, open } from './socket-client.ts';
import { type Api, bearer, capturedLog, keyThatExpires, type Person, startApi } from './support.ts';
import { joinWork, registerNode, type Work } from './work.ts';

let api: Api;
let user: Person;
let admin: Person;
let work: Work;

beforeAll(async () => {
  api = await startApi({
    variables: { CORS_ORIGINS: 'https://app.example.org', MAX_JSON_BYTES: '2000000' },
    limits: { operationsPerSocket: 3 },
  });
  await registerNode(api);
  user = await api.person();
  admin = await api.person('ADMIN');
  work = await joinWork(api);
});

afterAll(() => api[Symbol.asyncDispose]());

async function submit(as: Person): Promise<string> {
  const { data } = await api.send(
    'mutation { submitTask(input: { task: { textToImage: { prompt: "a lighthouse" } } }) { ... on Task { id } } }',
    { as },
  );
  return String(data.submitTask?.id);
}

const ticks = 'subscription { stats(everyMs: 100) { workers { processes } } }';
const watch = (id: string) => `subscription { taskUpdated(id: "${id}") { status version } }`;

describe('a socket', () => {
  it('carries a task to its end: its state now, each change, and the completion', async () => {
    const id = await submit(user);
    const client = await connect(api, { as: user });
    client.subscribe('1', watch(id));
    expect(await client.next()).toEqual({
      id: '1',
      type: 'next',
      payload: { data: { taskUpdated: { status: 'QUEUED', version: 1 } } },
    });
    const [claimed] = await work.start();
    expect((await client.next()).payload?.data?.taskUpdated).toEqual({ status: 'RUNNING', version: 2 });
    if (claimed === undefined) throw new Error('nothing was claimed');
    const result = { text: 'unused', images: [] };
    await work.finish(claimed, { type: 'succeeded', result, artifactIds: [] });
    expect((await client.next()).payload?.data?.taskUpdated).toEqual({ status: 'SUCCEEDED', version: 3 });
    expect(await client.next()).toEqual({ id: '1', type: 'complete' });
    client.socket.close();
  });

  it('answers queries and mutations too', async () => {
    const client = await connect(api, { as: user });
    client.subscribe('q', '{ me { username } }');
    expect(await client.next()).toMatchObject({
      type: 'next',
      payload: { data: { me: { username: user.user.username } } },
    });
    expect(await client.next()).toEqual({ id: 'q', type: 'complete' });
    client.socket.close();
  });

  it('works with the usual client', async () => {
    const id = await submit(user);
    const client = createClient({
      url: `${api.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: bearer(user),
    });
    const events = client.iterate({ query: `subscription { taskEvents(id: "${id}") { version type } }` });
    expect((await events.next()).value).toEqual({ data: { taskEvents: { version: 1, type: 'SUBMITTED' } } });
    await work.succeedAll();
    const types: unknown[] = [];
    for await (const { data } of events) types.push(data?.taskEvents);
    expect(types).toEqual([
      { version: 2, type: 'STARTED' },
      { version: 3, type: 'SUCCEEDED' },
    ]);
    await client.dispose();
  });

  it('lives on when one of its documents is malformed, unknown, refused or too complex', async () => {
    const client = await connect(api, { as: user });
    client.subscribe('good', ticks);
    expect(await client.nextOf('good')).toMatchObject({ type: 'next' });
    const bad: [string, string][] = [
      ['subscription {', 'GRAPHQL_PARSE_FAILED'],
      ['subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
      ['subscription { taskUpdated(id: "task_nonsense") { id } }', 'NOT_FOUND'],
      ['subscription { gpuNodeUpdated { id } }', 'FORBIDDEN'],
      ['subscription { stats(everyMs: 1) { workers { idle } } }', 'BAD_USER_INPUT'],
      [`{ ${Array.from({ length: 101 }, (_, n) => `a${n}: __typename`).join(' ')} }`, 'QUERY_TOO_COMPLEX'],
      ['query ($n: Int!) { tasks(first: $n) { edges { cursor } } }', 'BAD_USER_INPUT'],
    ];
    for (const [query, code] of bad) {
      client.subscribe('bad', query);
      const { type, payload } = await client.nextOf('bad');
      expect([query, type, payload?.[0]?.extensions]).toEqual([
        query,
        'error',
        expect.objectContaining({ code }),
      ]);
      expect(payload?.[0]?.extensions).not.toHaveProperty('http');
    }
    expect(await client.nextOf('good')).toMatchObject({ type: 'next' });
    client.socket.close();
  });

  it('needs a credential that is good, and none for what anybody may', async () => {
    const anonymous = await connect(api);
    anonymous.subscribe('1', '{ me { id } }');
    expect(await anonymous.next()).toMatchObject({ type: 'next', payload: { data: { me: null } } });
    anonymous.subscribe('2', ticks);
    expect(await anonymous.nextOf('2')).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
    anonymous.socket.close();
    const stranger = await open(api);
    stranger.send({ type: 'connection_init', payload: { authorization: 'Bearer sy_nonsense' } });
    expect(await stranger.closed()).toEqual({ code: 4403, reason: expect.stringContaining('API key') });
  });

  it('takes the headers that GraphiQL sends with an operation', async () => {
    const client = await connect(api);
    const extensions = { headers: { Authorization: `Bearer ${user.key}` } };
    client.subscribe('1', '{ me { username } }', { extensions });
    expect(await client.next()).toMatchObject({
      payload: { data: { me: { username: user.user.username } } },
    });
    client.subscribe('2', '{ me { id } }', { extensions: { headers: { Authorization: 'Bearer nonsense' } } });
    expect(await client.nextOf('2')).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
    client.socket.close();
  });

  it('is closed with 4403 when its credential expires', async () => {
    const key = await keyThatExpires(api, user);
    try {
      const client = await connect(api, { params: key.headers });
      client.subscribe('1', ticks);
      expect(await client.nextOf('1')).toMatchObject({ type: 'next' });
      key.expire();
      expect(await client.closed()).toEqual({ code: 4403, reason: expect.stringContaining('expired') });
    } finally {
      key.restore();
    }
  });

  it('is closed with 4403 when its credential is revoked, or its user is disabled', async () => {
    const { accounts } = api.services;
    const short = await api.person();
    const kept = await accounts.createApiKey(short.user.id, { name: 'kept', expiresAt: null });
    const second = await connect(api, { params: { authorization: `Bearer ${kept.secret}` } });
    await accounts.revokeApiKey(short.user.id, kept.apiKey.id);
    expect((await second.closed()).code).toBe(4403);

    const third = await connect(api, { as: short });
    await accounts.updateUser(short.user.id, { disabled: true });
    expect((await third.closed()).code).toBe(4403);
  });

  it('delivers nothing more to whoever lost the role for it', async () => {
    const person = await api.person('OPERATOR');
    const client = await connect(api, { as: person });
    client.subscribe('1', 'subscription { gpuNodeUpdated { name } }');
    expect(await client.nextOf('1')).toMatchObject({ type: 'next' });
    await api.services.accounts.updateUser(person.user.id, { role: 'USER' });
    await registerNode(api, 'secret');
    expect(await client.nextOf('1')).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'FORBIDDEN' } }],
    });
    client.socket.close();
  });

  it("never tells of other users' tasks", async () => {
    const client = await connect(api, { as: user });
    client.subscribe('1', 'subscription { tasksUpdated { id } }');
    await api.send('{ __typename }');
    const foreign = await submit(admin);
    const own = await submit(user);
    const told: unknown[] = [];
    while (told.at(-1) !== own) told.push((await client.nextOf('1')).payload?.data?.tasksUpdated?.id);
    expect(told).not.toContain(foreign);
    client.socket.close();
  });

  it('has a bound on its operations', async () => {
    const client = await connect(api, { as: user });
    for (const id of ['1', '2', '3', '4']) client.subscribe(id, ticks);
    expect(await client.nextOf('4')).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'RATE_LIMITED' } }],
    });
    client.socket.close();
  });

  it('has a bound on the size of a message, and a lower one for strangers', async () => {
    const messageOf = (bytes: number): string => {
      const message = { id: '1', type: 'subscribe', payload: { query: '{ __typename } #' } };
      const { payload } = message;
      payload.query += 'x'.repeat(bytes - JSON.stringify(message).length);
      return JSON.stringify(message);
    };
    const known = await connect(api, { as: user });
    const stranger = await connect(api);
    for (const [{ socket, nextOf }, bytes] of [
      [known, 2_000_000],
      [stranger, 1_000_000],
    ] as const) {
      for (let n = 0; n < 3; n++) {
        socket.send(messageOf(bytes));
        expect(await nextOf('1')).toMatchObject({ payload: { data: { __typename: 'Query' } } });
        expect(await nextOf('1')).toEqual({ id: '1', type: 'complete' });
      }
    }
    known.socket.send(messageOf(2_000_001));
    expect((await known.closed()).code).toBe(1009);
    stranger.socket.send(messageOf(2_000_000));
    expect(await stranger.closed()).toEqual({ code: 1009, reason: expect.stringContaining('not signed in') });
  });

  it('has a bound on what is sent at once in large messages', async () => {
    const large = Buffer.alloc(1_900_000, ' ');
    const slow = await Promise.all([1, 2, 3, 4].map(() => connect(api, { as: user })));
    for (const { socket } of slow) {
      socket.send(large, { fin: false, binary: false });
      socket.ping();
    }
    await Promise.all(slow.map(({ socket }) => once(socket, 'pong')));
    const refused = await connect(api, { as: user });
    refused.socket.send(large);
    expect(await refused.closed()).toEqual({ code: 1013, reason: expect.stringContaining('again') });
    for (const { socket } of slow) socket.terminate();
    await expect
      .poll(async () => {
        const client = await connect(api, { as: user });
        client.socket.send(large);
        return (await client.closed()).code;
      })
      .toBe(4400);
  });

  it('is open to the pages of the server and of CORS_ORIGINS, at the path of the API only', async () => {
    await expect(open(api, { headers: { origin: 'https://evil.example' } })).rejects.toThrow('403');
    await expect(open(api, { path: '/elsewhere' })).rejects.toThrow('404');
    for (const origin of ['https://app.example.org', api.url]) {
      (await open(api, { headers: { origin } })).socket.close();
    }
  });

  it('is closed with a code for coming back when its client does not read', async () => {
    const { log, lines } = capturedLog('warn');
    const sockets = { ...defaultSocketLimits, maxBufferedBytes: 100_000 };
    await using slow = await startApi({ log, limits: { sockets } });
    const client = await connect(slow);
    client.socket.pause();
    const types = '__schema { types { name description fields { name description } } }';
    const wide = Array.from({ length: 50 }, (_, n) => `a${n}: ${types}`).join(' ');
    const isTold = () => lines.some(({ msg }) => String(msg).includes('too slowly'));
    let asked = 0;
    await expect
      .poll(() => {
        // Until the buffers of both ends are full.
        if (!isTold()) client.subscribe(String(asked++), `{ ${wide} }`);
        return isTold();
      })
      .toBe(true);
    client.socket.resume();
    expect(await client.closed()).toEqual({ code: 1013, reason: expect.stringContaining('resume') });
  });

  it('forgets a task that was deleted: its streams complete', async () => {
    const id = await submit(user);
    await work.succeedAll();
    const other = await submit(user);
    const client = await connect(api, { as: user });
    client.subscribe('1', `subscription { taskEvents(id: "${id}", after: 4) { version } }`);
    // What is read for the one that waits was asked for before.
    client.subscribe('2', `subscription { taskEvents(id: "${other}") { version } }`);
    expect(await client.nextOf('2')).toMatchObject({ type: 'next' });
    await api.send(`mutation { deleteTask(id: "${id}") { __typename } }`, { as: user });
    expect(await client.nextOf('1')).toEqual({ id: '1', type: 'complete' });
    client.socket.close();
  });
});
