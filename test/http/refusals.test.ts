import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemOf } from '../../src/http/problems.ts';
import { openLine } from './line.ts';
import { first, subscribe } from './streams.ts';
import { type Api, answerOf, bearer, capturedLog, type Person, refusal, startApi } from './support.ts';
import { registerNode } from './work.ts';

let api: Api;
let user: Person;

beforeAll(async () => {
  api = await startApi({
    limits: { subscriptions: { total: 100, perUser: 1 } },
  });
  await registerNode(api);
  user = await api.person();
});

afterAll(() => api[Symbol.asyncDispose]());

describe('a refused request', () => {
  it('UNAUTHENTICATED: without a credential, and with one that is not good', async () => {
    const none = await api.send('{ apiKeys { id } }');
    expect(refusal(none)).toEqual({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('Authorization'),
    });
    for (const authorization of ['Bearer sy_nonsense', 'Bearer a.b.c', 'Basic dTpw', 'nonsense']) {
      const answer = await api.send('{ __typename }', { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(refusal(answer).code).toBe('UNAUTHENTICATED');
    }
  });

  it('UNAUTHENTICATED: but nobody is kept from getting a good credential by a bad one', async () => {
    const headers = { authorization: 'Bearer sy_nonsense' };
    const send = (query: string) => api.send(`mutation { ${query} }`, { headers });
    const person = '(input: { username: "stale", password: "correct horse" })';
    const token = '... on AuthPayload { refreshToken }';
    const registered = await send(`register${person} { ${token} }`);
    expect(registered.data).toEqual({ register: { refreshToken: expect.any(String) } });
    const { data } = await send(`login${person} { ${token} }`);
    const { refreshToken } = data.login as unknown as { refreshToken: string };
    const refresh = `refreshToken(input: { refreshToken: "${refreshToken}" }) { __typename }`;
    expect((await send(refresh)).data).toEqual({ refreshToken: { __typename: 'AuthPayload' } });

    const more = `login${person} { __typename } createApiKey(input: { name: "x" }) { __typename }`;
    for (const query of [more, `... on Mutation { ${more} }`, '__typename']) {
      const refused = await send(query);
      expect(refused.status).toBe(401);
      expect(refusal(refused)).toMatchObject({ message: expect.stringContaining('API key') });
    }
  });

  it('FORBIDDEN: an operation above the role', async () => {
    const answer = await api.send('{ gpuNodes { id } }', { as: user });
    expect(refusal(answer)).toEqual({ code: 'FORBIDDEN', message: expect.stringContaining('USER') });
  });

  it('NOT_FOUND: a subscription to what is not there', async () => {
    const subscription = 'subscription { taskUpdated(id: "task_nonsense") { id } }';
    expect(refusal(await first(api, subscription, { as: user })).code).toBe('NOT_FOUND');
  });

  it('BAD_USER_INPUT: values that do not fit, from variables and in the document', async () => {
    const query = 'query ($x: DateTime) { tasks(where: { createdAfter: $x }) { edges { cursor } } }';
    for (const x of ['yesterday', '2026-02-30T00:00:00Z', '2026-01-01T00:00:00', 7]) {
      const answer = await api.send(query, { as: user, variables: { x } });
      expect(refusal(answer)).toEqual({
        code: 'BAD_USER_INPUT',
        message: expect.stringContaining('RFC 3339'),
      });
    }
    const literal = '{ tasks(where: { createdAfter: "yesterday" }) { edges { cursor } } }';
    expect(refusal(await api.send(literal, { as: user })).code).toBe('BAD_USER_INPUT');
  });

  it('BAD_USER_INPUT: arguments of lists, labels and intervals outside of their bounds', async () => {
    const cases: [string, RegExp][] = [
      ['{ tasks(first: 101) { edges { cursor } } }', /first: must be 1 to 100/],
      ['{ tasks(first: 0) { edges { cursor } } }', /first: must be 1 to 100/],
      ['{ tasks(first: 1, last: 1) { edges { cursor } } }', /last: .*first/],
      ['{ tasks(after: "nonsense") { edges { cursor } } }', /after: must be a cursor/],
      ['{ tasks(where: { userId: "nonsense" }) { edges { cursor } } }', /where.userId: .*user_/],
      ['{ tasks(where: { labels: { a: 1 } }) { edges { cursor } } }', /where.labels.a: must be a string/],
    ];
    for (const [query, message] of cases) {
      const answer = await api.send(query, { as: user });
      expect(refusal(answer)).toEqual({ code: 'BAD_USER_INPUT', message: expect.stringMatching(message) });
    }
    const often = await first(api, 'subscription { stats(everyMs: 1) { workers { idle } } }', { as: user });
    expect(refusal(often)).toEqual({ code: 'BAD_USER_INPUT', message: expect.stringContaining('everyMs') });
  });

  it('BAD_USER_INPUT: texts that no table can keep', async () => {
    const query = 'query ($m: [String!]) { tasks(where: { model: $m }) { edges { cursor } } }';
    for (const m of ['a\u0000b', 'half \ud800']) {
      const answer = await api.send(query, { as: user, variables: { m: [m] } });
      expect(refusal(answer)).toEqual({ code: 'BAD_USER_INPUT', message: expect.stringContaining('$m.0') });
    }
    const literal = String.raw`{ tasks(where: { model: "a\u0000b" }) { edges { cursor } } }`;
    expect(refusal(await api.send(literal, { as: user })).code).toBe('BAD_USER_INPUT');
  });

  it('RATE_LIMITED: more subscriptions than one user may have open', async () => {
    const subscription = 'subscription { stats { workers { idle } } }';
    const open = subscribe(api, subscription, { as: user });
    expect((await open.next()).value?.errors).toEqual([]);
    expect(refusal(await first(api, subscription, { as: user }))).toEqual({
      code: 'RATE_LIMITED',
      message: expect.stringContaining('1'),
    });
    await open.return(undefined);
  });

  it('GRAPHQL_PARSE_FAILED and GRAPHQL_VALIDATION_FAILED', async () => {
    expect(refusal(await api.send('{ me { id }'))).toEqual({
      code: 'GRAPHQL_PARSE_FAILED',
      message: expect.stringContaining('Syntax Error'),
    });
    expect(refusal(await api.send('{ nothing }'))).toEqual({
      code: 'GRAPHQL_VALIDATION_FAILED',
      message: expect.stringContaining('nothing'),
    });
  });

  it('BAD_USER_INPUT: a body that is no GraphQL request', async () => {
    for (const body of ['{', '[]', '{}', '{"query":7}', '{"query":"{ __typename }","variables":7}']) {
      const headers = { 'content-type': 'application/json' };
      const answer = await answerOf(await fetch(`${api.url}/graphql`, { method: 'POST', headers, body }));
      expect(refusal(answer).code).toBe('BAD_USER_INPUT');
    }
  });

  it('BAD_USER_INPUT: a content-type that cannot be read, and one that cannot be written', async () => {
    const send = async (headers: Record<string, string>, query = '{ __typename }') => {
      const body = JSON.stringify({ query });
      const init = { method: 'POST', headers: { ...bearer(user), ...headers }, body };
      const answer = await answerOf(await fetch(`${api.url}/graphql`, init));
      return { status: answer.status, type: answer.headers.get('content-type'), ...refusal(answer) };
    };
    const json = { 'content-type': 'application/json' };
    const refused = { type: 'application/json; charset=utf-8', code: 'BAD_USER_INPUT' };
    expect(await send({ 'content-type': 'text/xml' })).toEqual({
      status: 415,
      ...refused,
      message: expect.stringMatching(/must be application\/json, or multipart.*; got text\/xml/),
    });
    const notAcceptable = {
      status: 406,
      ...refused,
      message: expect.stringContaining('send application/json, or text/event-stream'),
    };
    const create = 'mutation { createApiKey(input: { name: "unheard" }) { __typename } }';
    expect(await send({ ...json, accept: 'text/xml' }, create)).toEqual(notAcceptable);
    const { data } = await api.send('{ apiKeys { name } }', { as: user });
    expect(data).toEqual({ apiKeys: [{ name: 'test' }] });
    const subscription = 'subscription { stats { workers { idle } } }';
    expect(await send({ ...json, accept: 'application/json' }, subscription)).toEqual(notAcceptable);
    const neither = { 'content-type': 'text/xml', accept: 'text/xml', authorization: 'Bearer nonsense' };
    expect(await send(neither)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });

  it('INTERNAL_SERVER_ERROR: tells nothing but an id, under which the log has everything', async () => {
    const { log, lines } = capturedLog('error');
    await using broken = await startApi({ log });
    const as = await broken.person();
    await broken.services.database.pool.query('ALTER TABLE task RENAME TO elsewhere');
    const answer = await broken.send('{ tasks { edges { cursor } } }', {
      as,
      headers: { 'x-request-id': 'mine-1' },
    });
    expect(refusal(answer)).toEqual({
      code: 'INTERNAL_SERVER_ERROR',
      message: expect.not.stringMatching(/task|table|column|prisma/i),
    });
    expect(answer.errors[0]?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', requestId: 'mine-1' });
    expect(answer.headers.get('x-request-id')).toBe('mine-1');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      requestId: 'mine-1',
      err: { message: expect.stringContaining('task') },
    });
  });

  it('SERVICE_UNAVAILABLE: the database cannot be reached', async () => {
    const line = await openLine();
    await using away = await startApi({ via: line.to });
    const as = await away.person();
    await line.cut();
    const answer = await away.send('{ tasks { edges { cursor } } }', { as });
    expect(refusal(answer)).toEqual({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('again'),
    });
    expect(answer.headers.get('retry-after')).toBe('1');
    const ready = await fetch(`${away.url}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'database unreachable' }]);
    expect((await fetch(`${away.url}/health/live`)).status).toBe(200);
  });

  it('SERVICE_UNAVAILABLE: the database goes away in the middle of a transaction', async () => {
    const line = await openLine();
    await using away = await startApi({ via: line.to });
    const broken = away.services.database.lanes.transact(async (tx) => {
      await tx.query('SELECT 1');
      await line.cut();
      await expect(tx.query('SELECT 1')).rejects.toThrow();
      await tx.query('SELECT 1');
    });
    const error = await broken.catch((thrown: unknown) => thrown);
    expect(problemOf(error, undefined).extensions.code).toBe('SERVICE_UNAVAILABLE');
  });

  it('SERVICE_UNAVAILABLE: the database takes connections, and says nothing on them', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined).resume());
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'ann', connectionTimeoutMillis: 50 });
    const error = await client.connect().catch((thrown: unknown) => thrown);
    expect(problemOf(error, undefined).extensions.code).toBe('SERVICE_UNAVAILABLE');
    const closed = once(silent, 'close');
    silent.close();
    await closed;
  });

  it('answers what is no path of the server with 404', async () => {
    const status = await new Promise((resolve, reject) => {
      request(`${api.url}/../graphql`, { path: '//graphql' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(404);
  });
});
