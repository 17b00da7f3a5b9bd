import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultOperationLimits } from '../../src/http/plugins/limits.ts';
import { problemOf } from '../../src/http/problems.ts';
import { openLine } from './line.ts';
import { first, subscribe } from './streams.ts';
import { type Answer, type Api, answerOf, bearer, capturedLog, type Person, startApi } from './support.ts';
import { registerNode } from './work.ts';

let api: Api;
let user: Person;

beforeAll(async () => {
  api = await startApi({
    variables: { MAX_UPLOAD_BYTES: '2000', MAX_JSON_BYTES: '2000000' },
    limits: { subscriptions: { total: 100, perUser: 1 } },
  });
  await registerNode(api);
  user = await api.person();
});

afterAll(() => api[Symbol.asyncDispose]());

/** The one error of an answer. */
function refusal({ errors }: Pick<Answer, 'errors'>) {
  expect(errors).toHaveLength(1);
  const [error] = errors;
  return { code: error?.extensions.code, message: error?.message };
}

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

  it('QUERY_TOO_COMPLEX: too deep, too many aliases, too long, or too costly', async () => {
    const { depth, aliases, tokens, cost } = defaultOperationLimits;
    const nested = (n: number): string => (n === 0 ? '' : `{ events { task ${nested(n - 1) || '{ id }'} } }`);
    const page = '{ edges { node { events { task { events { task { events { version } } } } } } } }';
    const cases: [string, number][] = [
      [`{ task(id: "x") ${nested(depth)} }`, depth],
      [`{ ${Array.from({ length: aliases + 1 }, (_, n) => `a${n}: __typename`).join(' ')} }`, aliases],
      [`{ ${'__typename '.repeat(tokens)} }`, tokens],
      [`{ tasks(first: 100) ${page} b: tasks(first: 100) ${page} c: tasks(first: 100) ${page} }`, cost],
    ];
    for (const [query, limit] of cases) {
      const answer = await api.send(query, { as: user });
      expect(refusal(answer)).toEqual({
        code: 'QUERY_TOO_COMPLEX',
        message: expect.stringContaining(limit.toLocaleString('en')),
      });
    }
  });

  it('QUERY_TOO_COMPLEX: what grows through fragments and variables', async () => {
    const fragments = Array.from({ length: 8 }, (_, n) => {
      const next = n === 7 ? 'version' : `task { events { ...F${n + 1} } }`;
      return `fragment F${n} on TaskEvent { ${next} }`;
    });
    const deep = `{ task(id: "x") { events { ...F0 } } } ${fragments.join(' ')}`;
    expect(refusal(await api.send(deep, { as: user })).code).toBe('QUERY_TOO_COMPLEX');
    const page = '{ edges { node { events { task { events { task { events { task { id } } } } } } } } }';
    const query = `query ($n: Int) { tasks(first: $n) ${page} }`;
    expect((await api.send(query, { as: user, variables: { n: 2 } })).errors).toEqual([]);
    const costly = await api.send(query.replace('{ tasks', `{ b: tasks(first: $n) ${page} tasks`), {
      as: user,
      variables: { n: 100 },
    });
    expect(refusal(costly).code).toBe('QUERY_TOO_COMPLEX');
  });

  it('QUERY_TOO_COMPLEX: variables with more values than could be read in good time', async () => {
    const query = 'query ($m: [String!]) { tasks(where: { model: $m }) { edges { cursor } } }';
    const { values } = defaultOperationLimits;
    const send = async (m: unknown[]) => refusal(await api.send(query, { as: user, variables: { m } }));
    expect(await send(Array(values).fill(''))).toEqual({
      code: 'QUERY_TOO_COMPLEX',
      message: expect.stringContaining('too many values; the limit is 200,000'),
    });
    expect(await send(Array(values - 1).fill(7))).toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  const tooLarge = (message: string) => ({ code: 'PAYLOAD_TOO_LARGE', message });

  const jsonOf = (bytes: number) => JSON.stringify({ query: '{ __typename }' }).padEnd(bytes);

  async function sendJson(body: string | ReadableStream, as?: Person): Promise<Answer> {
    const headers = { 'content-type': 'application/json', ...bearer(as) };
    const init = { method: 'POST', headers, body, duplex: 'half' };
    return answerOf(await fetch(`${api.url}/graphql`, init));
  }

  it.each([
    ['a stranger', 1_048_576, () => undefined],
    ['somebody who is signed in', 2_000_000, () => user],
  ])('PAYLOAD_TOO_LARGE: a JSON body of %s, with its length stated and without', async (_, limit, as) => {
    const message = `the request is larger than the limit of ${limit.toLocaleString('en')} bytes`;
    for (const bodyOf of [jsonOf, (bytes: number) => new Blob([jsonOf(bytes)]).stream()]) {
      expect((await sendJson(bodyOf(limit), as())).data).toEqual({ __typename: 'Query' });
      const large = await sendJson(bodyOf(limit + 1), as());
      expect(large.status).toBe(413);
      expect(refusal(large)).toEqual(tooLarge(message));
    }
  });

  it('PAYLOAD_TOO_LARGE: an upload above the limit, and any large one of a stranger', async () => {
    const upload = async (bytes: number, as?: Person) => {
      const form = new FormData();
      const query =
        'mutation ($f: File!) { submitTask(input: { task: { speechToText: { audio: { upload: $f } } } }) { __typename } }';
      form.set('operations', JSON.stringify({ query, variables: { f: null } }));
      form.set('map', JSON.stringify({ 0: ['variables.f'] }));
      form.set('0', new Blob([new Uint8Array(bytes)]), 'a.wav');
      const headers = { ...bearer(as), 'x-graphql-yoga-csrf': '1' };
      return answerOf(await fetch(`${api.url}/graphql`, { method: 'POST', headers, body: form }));
    };
    const large = await upload(2_001, user);
    expect(large.status).toBe(413);
    expect(refusal(large)).toEqual(tooLarge('a file is larger than the limit of 2,000 bytes'));
    const message = 'the request is larger than the limit of 1,048,576 bytes';
    expect(refusal(await upload(1_100_000))).toEqual(tooLarge(message));
  });

  it.each([
    ['more files than may be sent at once', 9, 1, 'there are more files than the limit of 8'],
    ['a field that is too large', 1, 2_000_001, 'a field is larger than the limit of 2,000,000 bytes'],
  ])('PAYLOAD_TOO_LARGE: %s', async (_, files, bytes, message) => {
    const form = new FormData();
    form.set('operations', '{"query":"{ __typename }"}');
    form.set('map', ' '.repeat(bytes));
    for (let n = 0; n < files; n++) form.set(`${n}`, new Blob(['x']), 'a.wav');
    const response = await fetch(`${api.url}/graphql`, { method: 'POST', headers: bearer(user), body: form });
    const answer = await answerOf(response);
    expect(answer.status).toBe(413);
    expect(refusal(answer)).toEqual(tooLarge(message));
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

  it('SERVICE_UNAVAILABLE: more uploads at once than there is memory for', async () => {
    const headers = { ...bearer(user), 'content-type': 'multipart/form-data; boundary=b' };
    const begin = () => {
      const upload = request(`${api.url}/graphql`, { method: 'POST', headers });
      upload.on('error', () => undefined);
      upload.write('--b\r\n');
      return upload;
    };
    const uploads = Array.from({ length: 4 }, begin);
    const form = new FormData();
    form.set('operations', '{"query":"{ __typename }"}');
    form.set('map', '{}');
    const send = async () =>
      answerOf(await fetch(`${api.url}/graphql`, { method: 'POST', headers: bearer(user), body: form }));
    await expect.poll(async () => (await send()).errors[0]?.extensions.code).toBe('SERVICE_UNAVAILABLE');
    for (const upload of uploads) upload.destroy();
    await expect.poll(async () => (await send()).errors).toEqual([]);
  });

  it('SERVICE_UNAVAILABLE: more large JSON at once than there is memory for', async () => {
    const headers = { ...bearer(user), 'content-type': 'application/json' };
    const begin = (n: number) => {
      const length = n % 2 === 0 ? { 'content-length': 2_000_000 } : {};
      const slow = request(`${api.url}/graphql`, { method: 'POST', headers: { ...headers, ...length } });
      slow.on('error', () => undefined);
      slow.write(jsonOf(1_500_000));
      return slow;
    };
    const bodies = [0, 1, 2, 3].map(begin);
    const code = async (bytes: number) => (await sendJson(jsonOf(bytes), user)).errors[0]?.extensions.code;
    await expect.poll(() => code(1_100_000)).toBe('SERVICE_UNAVAILABLE');
    expect(await code(1_000_000)).toBeUndefined();
    for (const body of bodies) body.destroy();
    await expect.poll(() => code(2_000_000)).toBeUndefined();
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
