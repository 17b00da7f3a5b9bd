import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp } from '../support/app.ts';
import { type Api, startApi } from './support.ts';
import { registerNode } from './work.ts';

let api: Api;

beforeAll(async () => {
  api = await startApi();
});

afterAll(() => api[Symbol.asyncDispose]());

describe('beside GraphQL', () => {
  it('/health/live tells that the process answers, and which it is', async () => {
    const response = await fetch(`${api.url}/health/live`);
    expect(await response.json()).toEqual({ status: 'ok', pid: process.pid });
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('/health/ready tells that the database answers', async () => {
    const response = await fetch(`${api.url}/health/ready`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ready' }]);
  });

  it('/metrics counts requests, sockets, subscriptions, and tasks by queue', async () => {
    await registerNode(api);
    const as = await api.person();
    await api.send(
      'mutation { submitTask(input: { task: { textToImage: { prompt: "x" } } }) { __typename } }',
      { as },
    );
    const response = await fetch(`${api.url}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    const text = await response.text();
    expect(text).toContain('switchyard_queue_tasks{queue="text-to-image/qwen-image",status="queued"} 1');
    expect(text).toContain('switchyard_nodes{status="healthy"} 1');
    expect(text).toContain('switchyard_slots{state="free"} 4');
    expect(text).toContain('switchyard_password_comparisons_total 0');
    expect(text).toContain('switchyard_sockets 0');
    expect(text).toContain('switchyard_subscriptions 0');
    expect(text).toMatch(
      /switchyard_http_request_seconds_count\{method="POST",route="\/graphql",status="200"\} 1/,
    );
    expect(text).toContain('process_cpu_user_seconds_total');
  });

  it('every answer bears a request id: the one that came, where it can be one', async () => {
    const idOf = async (given: string) => {
      const headers = { 'x-request-id': given };
      return (await fetch(`${api.url}/health/live`, { headers })).headers.get('x-request-id');
    };
    expect(await idOf('trace-42')).toBe('trace-42');
    expect(await idOf('no id: <b>')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

it('a worker answers for its health and metrics, and for nothing else', async () => {
  await using app = await startTestApp({}, 'worker');
  for (const path of ['/health/live', '/health/ready', '/metrics']) {
    expect([path, (await fetch(app.url + path)).status]).toEqual([path, 200]);
  }
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ __typename }"}',
  };
  const answer = await fetch(`${app.url}/graphql`, init);
  expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining('--role api')]);
  expect((await fetch(`${app.url}/graphql`, { headers: { accept: 'text/html' } })).status).toBe(404);
  expect((await fetch(`${app.url}/artifacts/x`)).status).toBe(404);
  const socket = new WebSocket(`${app.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'error');
});
