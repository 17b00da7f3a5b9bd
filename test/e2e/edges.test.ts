import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createClient, type Fault, Refused } from './outside/client.ts';
import { cancel, draw, drawn, picture, submit, WATCH } from './outside/contract.ts';
import { openPlace, openProcess, type Place, type Process } from './outside/place.ts';
import { next } from './outside/streams.ts';

const tiers = {
  FREE: { waiting: 2, perSecond: 0.001, burst: 4, maxPriority: 'NORMAL' },
  VIP: { waiting: null, perSecond: null, maxPriority: 'URGENT' },
};

let place: Place;
beforeAll(async () => {
  place = await openPlace({
    QUEUE_CAPACITY: '3',
    TIERS: JSON.stringify(tiers),
    CORS_ORIGINS: 'https://studio.example',
  });
});
afterAll(() => place?.[Symbol.asyncDispose]());

function post(headers: Record<string, string>, body = '{"query":"{ __typename }"}'): Promise<Response> {
  return fetch(`${place.url}/graphql`, { method: 'POST', headers, body });
}

describe.concurrent('refused requests', () => {
  test.for([
    ['GRAPHQL_PARSE_FAILED', '{ me '],
    ['GRAPHQL_VALIDATION_FAILED', '{ nothing }'],
    ['UNAUTHENTICATED', '{ tasks { edges { node { id } } } }'],
    ['UNAUTHENTICATED', 'mutation { cancelTask(id: "x") { __typename } }'],
    ['UNAUTHENTICATED', '{ apiKeys { id } }'],
    ['UNAUTHENTICATED', '{ stats { workers { idle } } }'],
  ] as const)('%s: %s', async ([code, query]) => {
    await expect(createClient(place.url).ask(query)).rejects.toMatchObject({ code });
  });

  test.for([
    '{ gpuNodes { id } }',
    '{ users { edges { node { id } } } }',
    'mutation { drainNode(id: "x") { __typename } }',
    'mutation { updateUser(id: "x", input: { tier: VIP }) { __typename } }',
  ])('FORBIDDEN for a plain user: %s', async (query) => {
    await expect((await place.member()).ask(query)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('BAD_USER_INPUT for variables that are none of their types', async () => {
    const member = await place.member();
    const query =
      'query ($first: Int, $where: TaskWhere) { tasks(first: $first, where: $where) { edges { cursor } } }';
    for (const wrong of [
      { first: 'one' },
      { where: { createdAfter: 'yesterday' } },
      { where: { status: ['DONE'] } },
    ]) {
      await expect(member.ask(query, wrong)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    }
  });

  test('QUERY_TOO_COMPLEX for a query that asks for everything of everything', async () => {
    const member = await place.member();
    const query = `{ tasks(first: 100) { edges { node { events { task { events { task { events { task { events {
      task { id } } } } } } } } } } } }`;
    await expect(member.ask(query)).rejects.toMatchObject({ code: 'QUERY_TOO_COMPLEX' });
    await using socket = await member.socket();
    await expect(next(socket.subscribe(query))).rejects.toMatchObject({ code: 'QUERY_TOO_COMPLEX' });
  });

  test('QUERY_TOO_COMPLEX for what is nested by the thousand', async () => {
    const member = await place.member();
    const code = 'QUERY_TOO_COMPLEX';
    await expect(member.ask(`${'{a'.repeat(3_000)}${'}'.repeat(3_000)}`)).rejects.toMatchObject({ code });
    const list = `{ tasks(where: ${'['.repeat(4_900)}${']'.repeat(4_900)}) { edges { cursor } } }`;
    await expect(member.ask(list)).rejects.toMatchObject({ code });
  });

  test('BAD_USER_INPUT for a body that cannot be read, or names no operation', async () => {
    const bearer = { authorization: `Bearer ${place.admin.token}` };
    const multipart = { ...bearer, 'content-type': 'multipart/form-data; boundary=border' };
    const json = { ...bearer, 'content-type': 'application/json' };
    const bodies: [Record<string, string>, string][] = [
      [multipart, '--border\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{"query"'],
      [{ ...bearer, 'content-type': 'multipart/form-data' }, 'nonsense'],
      [json, '{'],
      [json, '[]'],
      [json, '{}'],
      [json, '{"query":"query a { me { id } } query b { me { id } }"}'],
      [json, '{"query":"query a { me { id } }","operationName":"b"}'],
    ];
    for (const [headers, body] of bodies) {
      const { errors } = (await (await post(headers, body)).json()) as { errors?: Fault[] };
      expect([body, errors?.[0]?.extensions.code]).toEqual([body, 'BAD_USER_INPUT']);
    }
  });

  test('PAYLOAD_TOO_LARGE for a body above the limit', async () => {
    const query = `{ __typename } # ${'x'.repeat(2_000_000)}`;
    await expect(createClient(place.url).ask(query)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  test('every answer bears a request id, one that is sent included', async () => {
    expect((await post({ 'content-type': 'application/json' })).headers.get('x-request-id')).toMatch(/.{8}/);
    const sent = await post({ 'content-type': 'application/json', 'x-request-id': 'mine-1' });
    expect(sent.headers.get('x-request-id')).toBe('mine-1');
  });
});

describe.concurrent('limits', () => {
  test('a user’s cap, his rate and a full queue are told with what to do', async () => {
    const node = await place.node({ slots: 0 });
    const [member, vip] = await Promise.all([place.member(), place.member({ tier: 'VIP' })]);
    await draw(vip, node.model);
    await node.simulator.received(1);

    const startAt = new Date(Date.now() + 3_600_000).toISOString();
    const scheduled = await draw(member, node.model, { startAt });
    await draw(member, node.model);
    const capped = await submit(member, picture(node.model));
    expect(capped).toMatchObject({ __typename: 'QuotaExceededError', code: 'QUOTA_EXCEEDED', limit: 2 });
    await cancel(member, scheduled.id);
    await draw(member, node.model);
    const limited = await submit(member, picture(node.model));
    expect(limited).toMatchObject({
      __typename: expect.stringMatching(/RateLimitedError|QuotaExceededError/),
    });

    await draw(vip, node.model, { startAt });
    expect(await submit(vip, picture(node.model))).toMatchObject({
      __typename: 'QueueFullError',
      code: 'QUEUE_FULL',
      retryAfterMs: expect.any(Number),
    });
  });

  test('submissions faster than the tier allows are RATE_LIMITED', async () => {
    const node = await place.node();
    const member = await place.member();
    for (let n = 0; n < 4; n++) await drawn(member, node.model);
    const limited = await submit(member, picture(node.model));
    expect(limited).toMatchObject({ __typename: 'RateLimitedError', code: 'RATE_LIMITED' });
    expect('retryAfterMs' in limited ? limited.retryAfterMs : 0).toBeGreaterThan(0);
  });
});

describe.concurrent('browsers', () => {
  const form = () => {
    const body = new FormData();
    body.set('operations', '{"query":"{ __typename }"}');
    body.set('map', '{}');
    return body;
  };
  const url = () => `${place.url}/graphql`;

  test('a GET or form request needs a credential or the CSRF header', async () => {
    const get = `${url()}?query=${encodeURIComponent('{ __typename }')}`;
    const csrf = { 'x-graphql-yoga-csrf': '1' };
    const bearer = { authorization: `Bearer ${place.admin.token}` };
    expect((await fetch(get, { headers: { accept: 'application/json' } })).status).toBeGreaterThanOrEqual(
      400,
    );
    expect((await fetch(get, { headers: { accept: 'application/json', ...csrf } })).status).toBe(200);
    expect((await fetch(get, { headers: { accept: 'application/json', ...bearer } })).status).toBe(200);
    expect((await fetch(url(), { method: 'POST', body: form() })).status).toBeGreaterThanOrEqual(400);
    expect((await fetch(url(), { method: 'POST', body: form(), headers: csrf })).status).toBe(200);
    expect((await fetch(url(), { method: 'POST', body: form(), headers: bearer })).status).toBe(200);
    expect((await post({ 'content-type': 'text/plain' })).status).toBeGreaterThanOrEqual(400);
    const mutation = `${url()}?query=${encodeURIComponent('mutation { cancelTask(id: "x") { __typename } }')}`;
    expect((await fetch(mutation, { headers: { accept: 'application/json', ...bearer } })).status).toBe(405);
  });

  test('cookies identify nobody', async () => {
    const headers = {
      'content-type': 'application/json',
      cookie: `authorization=Bearer ${place.admin.token}`,
    };
    expect(await (await post(headers, '{"query":"{ me { id } }"}')).json()).toEqual({ data: { me: null } });
  });

  test('pages of allowed origins alone may call and open sockets', async () => {
    const ask = (origin: string) => post({ 'content-type': 'application/json', origin });
    const allowed = 'access-control-allow-origin';
    expect((await ask('https://studio.example')).headers.get(allowed)).toBe('https://studio.example');
    expect((await ask('https://evil.example')).headers.get(allowed)).toBeNull();
    const preflight = await fetch(url(), {
      method: 'OPTIONS',
      headers: {
        origin: 'https://studio.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(preflight.headers.get(allowed)).toBe('https://studio.example');
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/authorization/i);

    for (const origin of ['https://studio.example', place.url])
      await (await place.admin.socket({ origin })).closed.constructor;
    await expect(place.admin.socket({ origin: 'https://evil.example' })).rejects.toThrow(/403/);
  });

  test('GraphiQL is a page that loads nothing from elsewhere', async () => {
    const response = await fetch(url(), { headers: { accept: 'text/html' } });
    const page = await response.text();
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page).toMatch(/graphiql/i);
    const links = [...page.matchAll(/<(?:script|link|img)[^>]+(?:src|href)=["']?(https?:)?\/\/[^"' >]+/gi)];
    expect(links.map(([tag]) => tag)).toEqual([]);
  });
});

describe.concurrent('sockets by the letter of their protocol', () => {
  test('a socket that subscribes before it has introduced itself, or twice, is closed', async () => {
    const closeOf = (messages: readonly object[]) =>
      new Promise<number>((resolve) => {
        const ws = new WebSocket(`${place.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
        ws.on('open', () => {
          for (const message of messages) ws.send(JSON.stringify(message));
        });
        ws.on('close', resolve);
      });
    const init = { type: 'connection_init' };
    const subscribe = { type: 'subscribe', id: '1', payload: { query: '{ __typename }' } };
    expect(await closeOf([subscribe])).toBe(4401);
    expect(await closeOf([init, init])).toBe(4429);
    expect(await closeOf([init, { type: 'nonsense' }])).toBe(4400);
    expect(await closeOf([{ ...init, payload: { authorization: 'Bearer nonsense' } }])).toBe(4403);
  });

  test('queries and mutations go over a socket too', async () => {
    await using socket = await place.admin.socket();
    expect(await next(socket.subscribe('{ me { role } }'))).toEqual({ me: { role: 'ADMIN' } });
  });
});

describe.concurrent('beside GraphQL', () => {
  test('health, readiness and metrics', async () => {
    const live = await fetch(`${place.url}/health/live`);
    expect([live.status, await live.json()]).toEqual([200, { status: expect.any(String), pid: process.pid }]);
    expect((await fetch(`${place.url}/health/ready`)).status).toBe(200);
    const metrics = await fetch(`${place.url}/metrics`);
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/);
    const text = await metrics.text();
    expect(text).toMatch(/^# TYPE \w+ histogram$/m);
    expect(text).toMatch(/^process_cpu_seconds_total/m);
    expect((await fetch(`${place.url}/nowhere`)).status).toBe(404);
  });
});

describe('in a process of one’s own', () => {
  let own: Process;
  beforeAll(async () => {
    own = await openProcess({ LOG_LEVEL: 'info' });
  });
  afterAll(() => own?.[Symbol.asyncDispose]());

  async function sql(text: string): Promise<void> {
    const client = new pg.Client({ connectionString: own.databaseUrl });
    await client.connect();
    await client.query(text);
    await client.end();
  }

  test('an unexpected error is masked, with a request id that the log bears', async () => {
    const [member, node] = await Promise.all([own.member(), own.node({ slots: 0 })]);
    await sql('ALTER TABLE task_attempt RENAME TO hidden');
    const refused = await draw(member, node.model).catch((error: unknown) => error);
    await sql('ALTER TABLE hidden RENAME TO task_attempt');
    if (!(refused instanceof Refused)) throw new Error('a missing table went unnoticed');
    expect(refused.code).toBe('INTERNAL_SERVER_ERROR');
    expect(refused.message).not.toMatch(/task_attempt|prisma|relation/i);
    const requestId = String(refused.errors[0]?.extensions.requestId);
    await expect
      .poll(() => own.server.lines.filter((line) => line.includes(requestId)).join('\n'))
      .toContain('task_attempt');
  });

  test('a draining server closes its sockets so that clients come back', async () => {
    const member = await own.member();
    const node = await own.node({ slots: 0 });
    const task = await draw(member, node.model);
    await using socket = await member.socket();
    await next(socket.subscribe(WATCH, { id: task.id }));
    expect(await own.server.end('SIGTERM')).toBe(0);
    const { code } = await socket.closed;
    expect([1001, 1012, 4500, 4503]).toContain(code);
  });
});
