import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { createClient, MeDocument, SubmitTaskDocument } from '../../sdk/src/index.ts';

type Answer = (request: IncomingMessage, body: string, response: ServerResponse) => void;

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
});

/** An HTTP server that answers the requests it gets one after the other, the last answer for ever. */
async function startServer(...answers: Answer[]) {
  const requests: { headers: IncomingMessage['headers']; body: string }[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const answer = answers[Math.min(requests.length, answers.length - 1)];
    requests.push({ headers: request.headers, body });
    answer?.(request, body, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, requests };
}

const json =
  (value: unknown, status = 200): Answer =>
  (_request, _body, response) => {
    response.writeHead(status, { 'content-type': 'application/graphql-response+json' });
    response.end(JSON.stringify(value));
  };

const dropped: Answer = (request) => request.socket.destroy();

const accepted = json({
  data: { submitTask: { __typename: 'Task', id: 'task_1', status: 'QUEUED', version: 1 } },
});
const limited = json({
  data: {
    submitTask: { __typename: 'RateLimitedError', code: 'RATE_LIMITED', message: 'slower', retryAfterMs: 50 },
  },
});

const input = { task: { textToImage: { prompt: 'a red fox' } } };

function keyOf({ body }: { body: string }): string {
  return JSON.parse(body).variables.input.idempotencyKey;
}

test('a submission is repeated with the same idempotency key until it has an answer', async () => {
  const { url, requests } = await startServer(
    dropped,
    json({ errors: [{ message: 'restarting' }] }, 503),
    limited,
    accepted,
  );
  const task = await createClient({ url }).submit(input);
  expect(task.id).toBe('task_1');
  expect(requests).toHaveLength(4);
  expect(new Set(requests.map(keyOf)).size).toBe(1);
  expect(keyOf(requests[0] ?? { body: '' })).toMatch(/^sdk-[0-9a-f]{32}$/);
});

test("the caller's own idempotency key is kept", async () => {
  const { url, requests } = await startServer(accepted);
  await createClient({ url }).submit({ ...input, idempotencyKey: 'mine' });
  expect(requests.map(keyOf)).toEqual(['mine']);
});

test('two submissions have two idempotency keys', async () => {
  const { url, requests } = await startServer(accepted);
  const client = createClient({ url });
  await client.submit(input);
  await client.submit(input);
  expect(new Set(requests.map(keyOf)).size).toBe(2);
});

test('a mutation of no known safety is sent once', async () => {
  const { url, requests } = await startServer(dropped);
  const sent = createClient({ url }).mutate(SubmitTaskDocument, { input });
  await expect(sent).rejects.toMatchObject({
    name: 'SwitchyardError',
    code: 'NETWORK_ERROR',
    transient: true,
  });
  expect(requests).toHaveLength(1);
});

test('tries end, with the last error', async () => {
  const { url, requests } = await startServer(limited);
  const sent = createClient({ url, retries: 2 }).submit(input);
  await expect(sent).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    message: 'slower',
    problem: { __typename: 'RateLimitedError', retryAfterMs: 50 },
  });
  expect(requests).toHaveLength(3);
});

test('what the caller got wrong is an error with the fields of its union member, at once', async () => {
  const problem = {
    __typename: 'InvalidInputError',
    code: 'BAD_USER_INPUT',
    message: 'task.textToImage.width: must be at least 16',
    issues: [{ path: 'task.textToImage.width', message: 'must be at least 16' }],
  };
  const { url, requests } = await startServer(json({ data: { submitTask: problem } }));
  await expect(createClient({ url }).submit(input)).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    transient: false,
    problem,
  });
  expect(requests).toHaveLength(1);
});

test('a refused request is an error with its code and request id', async () => {
  const extensions = { code: 'UNAUTHENTICATED', requestId: 'r1' };
  const { url } = await startServer(json({ errors: [{ message: 'who are you?', extensions }] }, 401));
  await expect(createClient({ url }).me()).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: 'who are you?',
    requestId: 'r1',
    problem: null,
  });
});

test('an answer that is no GraphQL is told as it is', async () => {
  const { url } = await startServer((_request, _body, response) => response.writeHead(404).end('not here'));
  await expect(createClient({ url }).me()).rejects.toMatchObject({
    code: 'BAD_ANSWER',
    message: 'the answer is not GraphQL: HTTP 404 not here',
  });
});

test('a server that does not answer in time is a network error', async () => {
  const { url } = await startServer(() => {});
  const client = createClient({ url, retries: 0, timeoutMs: 50 });
  await expect(client.me()).rejects.toMatchObject({ code: 'NETWORK_ERROR', transient: true });
});

test('an aborted call fails with the reason of its signal, also while it waits to try again', async () => {
  const { url } = await startServer(json({ errors: [{ message: 'later' }] }, 503));
  const reason = new Error('enough');
  const calls = new AbortController();
  const call = createClient({ url }).query(MeDocument, {}, { signal: calls.signal });
  setTimeout(() => calls.abort(reason), 20);
  await expect(call).rejects.toBe(reason);
});

test('a token function is asked for each request', async () => {
  const { url, requests } = await startServer(json({ data: { me: null } }));
  let asked = 0;
  const client = createClient({ url, token: async () => `token-${++asked}` });
  await client.me();
  await client.me();
  expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
});

test('files in the variables are uploaded as parts of a GraphQL multipart request', async () => {
  const { url, requests } = await startServer(dropped, accepted);
  const data = new File([new Uint8Array([1, 2, 3])], 'speech.pcm');
  await createClient({ url }).submit({
    task: { speechToText: { audio: { pcm: { data, sampleRate: 16_000 } } } },
  });
  const last = requests[1];
  expect(requests).toHaveLength(2);
  const type = last?.headers['content-type'] ?? '';
  expect(last?.headers['x-graphql-yoga-csrf']).toBe('1');
  const form = await new Response(last?.body, { headers: { 'content-type': type } }).formData();
  const operations = JSON.parse(String(form.get('operations')));
  expect(operations.variables.input.task).toEqual({
    speechToText: { audio: { pcm: { data: null, sampleRate: 16_000 } } },
  });
  expect(JSON.parse(String(form.get('map')))).toEqual({
    0: ['variables.input.task.speechToText.audio.pcm.data'],
  });
  const file = form.get('0') as File;
  expect(file.name).toBe('speech.pcm');
  expect(new Uint8Array(await file.arrayBuffer())).toEqual(new Uint8Array([1, 2, 3]));
});

test('the url may be the server or its endpoint, and must be one of HTTP', () => {
  expect(() => createClient({ url: 'ws://127.0.0.1' })).toThrow('url: must begin with http:// or https://');
});
