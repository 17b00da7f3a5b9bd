import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultOperationLimits } from '../../src/http/plugins/limits.ts';
import { type Answer, type Api, answerOf, bearer, type Person, refusal, startApi } from './support.ts';
import { registerNode } from './work.ts';

let api: Api;
let user: Person;

beforeAll(async () => {
  api = await startApi({ variables: { MAX_UPLOAD_BYTES: '2000', MAX_JSON_BYTES: '2000000' } });
  await registerNode(api);
  user = await api.person();
});

afterAll(() => api[Symbol.asyncDispose]());

describe('a request that is too much', () => {
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
});
