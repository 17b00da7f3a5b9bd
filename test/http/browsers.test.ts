import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, answerOf, bearer, type Person, startApi } from './support.ts';

let api: Api;
let user: Person;

beforeAll(async () => {
  api = await startApi({ variables: { CORS_ORIGINS: 'https://app.example.org' } });
  user = await api.person();
});

afterAll(() => api[Symbol.asyncDispose]());

const query = '{ __typename }';

describe('what a foreign page could send without asking', () => {
  const get = (headers: Record<string, string>) =>
    fetch(`${api.url}/graphql?query=${encodeURIComponent(query)}`, { headers });
  const form = (headers: Record<string, string>) => {
    const body = new FormData();
    body.set('operations', JSON.stringify({ query }));
    body.set('map', '{}');
    return fetch(`${api.url}/graphql`, { method: 'POST', headers, body });
  };
  const urlEncoded = (headers: Record<string, string>) =>
    fetch(`${api.url}/graphql`, { method: 'POST', headers, body: new URLSearchParams({ query }) });
  const text = (headers: Record<string, string>) =>
    fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', ...headers },
      body: query,
    });

  for (const [what, send] of Object.entries({ get, form, urlEncoded, text })) {
    it(`${what}: is refused without the header`, async () => {
      const answer = await answerOf(await send({}));
      expect(answer.status).toBe(403);
      expect(answer.errors[0]).toMatchObject({
        message: expect.stringContaining('x-graphql-yoga-csrf'),
        extensions: { code: 'FORBIDDEN' },
      });
    });
  }

  it('is answered with the header, or with an authorization, which no page can make up', async () => {
    for (const send of [get, form, urlEncoded]) {
      for (const headers of [{ 'x-graphql-yoga-csrf': '1' }, bearer(user)]) {
        expect((await answerOf(await send(headers))).data).toEqual({ __typename: 'Query' });
      }
    }
  });

  it('never mutates by GET', async () => {
    const mutation = encodeURIComponent('mutation { createApiKey(input: { name: "k" }) { __typename } }');
    const answer = await fetch(`${api.url}/graphql?query=${mutation}`, { headers: bearer(user) });
    expect(answer.status).toBe(405);
  });
});

describe('pages of other origins', () => {
  const preflight = (origin: string) =>
    fetch(`${api.url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });

  it('may call where the configuration names them', async () => {
    const { headers } = await preflight('https://app.example.org');
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example.org');
    expect(headers.get('access-control-allow-headers')).toBe('authorization');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    const answer = await api.send(query, { headers: { origin: 'https://app.example.org' } });
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example.org');
    expect(answer.headers.get('vary')?.toLowerCase()).toContain('origin');
  });

  it('may not otherwise', async () => {
    for (const origin of ['https://evil.example', 'null', 'https://app.example.org.evil.example']) {
      const { headers } = await preflight(origin);
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('access-control-allow-headers')).toBeNull();
    }
  });
});

describe('GraphiQL', () => {
  /** As it goes over the wire: `fetch` would decode it. */
  const page = (headers: Record<string, string> = {}) =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
      request(`${api.url}/graphql`, { headers: { accept: 'text/html,*/*', ...headers } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        );
      })
        .on('error', reject)
        .end();
    });

  it('is one page that asks no other server for anything', async () => {
    const { status, headers, body } = await page();
    expect(status).toBe(200);
    const html = body.toString();
    const tags = html.match(/<(?:script|link|img|iframe)\b[^>]*>/g) ?? [];
    const external = tags.filter((tag) => /(?:src|href)=["']?(?:https?:)?\/\//.test(tag));
    expect(external).toEqual([]);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*/);
  });

  it('is sent compressed, and not again while it is the same', async () => {
    const { headers, body } = await page({ 'accept-encoding': 'gzip' });
    expect(headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(body).toString()).toContain('Switchyard');
    expect(body.byteLength).toBeLessThan(4_000_000);
    const again = await page({ 'accept-encoding': 'gzip', 'if-none-match': String(headers.etag) });
    expect([again.status, again.body.byteLength]).toEqual([304, 0]);
  });

  it('subscribes over WebSocket, on the same path', async () => {
    expect((await page()).body.toString()).toMatch(/"subscriptionsProtocol":\s*"WS"/);
  });
});
