import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createClient } from '../../sdk/src/index.ts';
import { createSimulator, drawPicture, type Simulator, speak } from '../../simulator/index.ts';
import { serve, type TestServer } from '../artifacts/http-support.ts';
import { startTestS3, type TestS3 } from '../artifacts/s3-server.ts';
import { adminKey, startTestApp, type TestApp } from '../support/app.ts';
import { post } from '../support/graphql.ts';
import { expectInvariants } from '../support/invariants.ts';

vi.setConfig({ testTimeout: 60_000 });

const WORDS = 'go forward ten meters';

let s3: TestS3;
let app: TestApp;
let drawing: Simulator;
let hearing: Simulator;
let provider: TestServer;
/** Answers with links to pictures, each good for one download. */
async function startProvider(): Promise<TestServer> {
  const picture = await drawPicture({ prompt: 'a fox', width: 64, height: 64, seed: 1 });
  const left = new Set<string>();
  const newLink = (host: string | undefined): string => {
    const name = `/files/${randomUUID()}.png`;
    left.add(name);
    return `http://${host}${name}`;
  };
  return serve((request, response) => {
    request.resume();
    const link = () => newLink(request.headers.host);
    const json = (body: object) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const path = request.url ?? '';
    if (path.startsWith('/files/')) {
      if (left.delete(path)) response.writeHead(200, { 'content-type': 'image/png' }).end(picture);
      else response.writeHead(410).end();
    } else if (path.endsWith('/models')) json({ data: [{ id: 'linked' }] });
    else if (path.endsWith('/images/generations')) json({ data: [{ url: link() }] });
    else if (path.endsWith('/health-check')) json({ status: 'READY' });
    else if (path.includes('/predictions/')) {
      json({ status: 'succeeded', output: { picture: link(), seed: 7 } });
    } else response.writeHead(404).end();
  });
}

beforeAll(async () => {
  s3 = await startTestS3();
  drawing = await createSimulator({ protocol: 'OPENAI', slots: 2, side: 64 });
  hearing = await createSimulator({ protocol: 'FAST_WHISPER', slots: 2 });
  provider = await startProvider();
  app = await startTestApp({
    ...s3.variables,
    TIERS: JSON.stringify({ FREE: { storageMb: 1 } }),
    GPU_NODES: JSON.stringify([
      {
        ...{ name: 'draws', url: drawing.url, protocol: 'openai', slots: 2 },
        offers: [{ kind: 'TEXT_TO_IMAGE', models: ['fox'] }],
      },
      {
        ...{ name: 'hears', url: hearing.url, protocol: 'fast-whisper', slots: 2 },
        offers: [{ kind: 'SPEECH_TO_TEXT', models: ['whisper'] }],
      },
      {
        ...{ name: 'links', url: `${provider.url}/openai`, protocol: 'openai' },
        offers: [{ kind: 'TEXT_TO_IMAGE', models: ['linked'] }],
      },
      {
        ...{ name: 'uploads', url: `${provider.url}/cog`, protocol: 'cog' },
        offers: [{ kind: 'CUSTOM', models: ['cog'] }],
      },
    ]),
  });
});
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  await Promise.all([drawing?.close(), hearing?.close(), provider?.[Symbol.asyncDispose]()]);
  await s3?.[Symbol.asyncDispose]();
});

type Ask = <Data>(query: string, variables?: Record<string, unknown>) => Promise<Data>;

const askAs =
  (token: string): Ask =>
  (query, variables = {}) =>
    post(app.url, token, query, variables);
const ask: Ask = (query, variables) => askAs(adminKey)(query, variables);

const CREATE = `mutation ($input: CreateUploadInput!) {
  it: createUpload(input: $input) {
    __typename
    ... on Upload { artifactId url headers expiresAt }
    ... on QuotaExceededError { code message limit }
  }
}`;

const SUBMIT = `mutation ($task: TaskSpec!) {
  it: submitTask(input: { task: $task, waitMs: 50000 }) {
    __typename
    ... on Task { status error { message } result {
      ... on ImageResult { images { id url mimeType sizeBytes } }
      ... on TranscriptResult { text }
      ... on CustomResult { value files { url mimeType sizeBytes } }
    } }
    ... on InvalidInputError { issues { path message } }
    ... on QuotaExceededError { message limit }
  }
}`;

interface Outcome {
  readonly __typename: string;
  readonly status?: string;
  readonly result?: {
    readonly text?: string;
    readonly value?: unknown;
    readonly files?: { readonly url: string }[];
    readonly images?: { readonly url: string; readonly sizeBytes: number }[];
  };
  readonly issues?: { path: string; message: string }[];
  readonly message?: string;
  readonly limit?: number;
}

interface Ticket {
  readonly artifactId: string;
  readonly url: string;
  readonly headers: Record<string, string>;
}

async function createUpload(body: Uint8Array): Promise<Ticket> {
  const input = { mimeType: 'audio/wav', sizeBytes: body.byteLength };
  return (await ask<{ it: Ticket }>(CREATE, { input })).it;
}

const submit = async (task: object, asked = ask) => (await asked<{ it: Outcome }>(SUBMIT, { task })).it;

const origin = () => s3.variables.S3_ENDPOINT;

test('a file that was sent to S3 goes to the node, past this server', async () => {
  const sound = new Uint8Array(speak(WORDS));
  const { artifactId, url, headers } = await createUpload(sound);
  expect(new URL(url).origin).toBe(origin());
  expect(await submit({ speechToText: { audio: { artifactId } } })).toMatchObject({
    issues: [
      {
        path: 'task.speechToText.audio.artifactId',
        message: expect.stringMatching(/^its bytes have not arrived yet/),
      },
    ],
  });
  expect((await fetch(url, { method: 'PUT', headers, body: sound })).status).toBe(200);
  expect(await submit({ speechToText: { audio: { artifactId } } })).toMatchObject({
    status: 'SUCCEEDED',
    result: { text: WORDS },
  });
  const query =
    'query ($id: ID!) { node(id: $id) { ... on Artifact { mimeType sizeBytes durationSeconds } } }';
  expect(await ask(query, { id: artifactId })).toMatchObject({
    node: { mimeType: 'audio/wav', sizeBytes: sound.byteLength, durationSeconds: expect.any(Number) },
  });
});

test('the SDK sends a file past the server, and has the result of a task with it', async () => {
  const client = createClient({ url: app.url, token: adminKey });
  const sound = new Blob([new Uint8Array(speak(WORDS))], { type: 'audio/wav' });
  const artifactId = await client.upload(sound);
  const { result } = await client.submitAndWait({ task: { speechToText: { audio: { artifactId } } } });
  expect(result).toMatchObject({ text: WORDS });
  const other = { sha256: 'a'.repeat(64) };
  const wrong = { audio: { artifactId: await client.upload(sound, other) } };
  await expect(client.submit({ task: { speechToText: wrong } })).rejects.toThrow('what was sent is refused');
  client.close();
});

test('a result is downloaded from S3, and gone from there with its task', async () => {
  const { status, result } = await submit({ textToImage: { prompt: 'a fox' } });
  const [image] = result?.images ?? [];
  expect([status, new URL(image?.url ?? '').origin]).toEqual(['SUCCEEDED', origin()]);
  const parameters = new URL(image?.url ?? '').searchParams;
  expect(parameters.get('response-content-type')).toBe('image/png');
  expect(parameters.get('response-content-disposition')).toMatch(/^inline; filename="artifact_\w+\.png"$/);
  const download = await fetch(image?.url ?? '');
  expect((await download.arrayBuffer()).byteLength).toBe(image?.sizeBytes);
  const { database, artifacts, tasks } = app.services;
  const row = await database.prisma.task.findFirstOrThrow({ where: { kind: 'TEXT_TO_IMAGE' } });
  await tasks.remove(row.id);
  await artifacts.collectGarbage({ graceMs: 0 });
  expect((await fetch(image?.url ?? '')).status).toBe(404);
  await expectInvariants(database);
});

test('who has stored all that he may can send nothing, and begin nothing new, until he has deleted some', async () => {
  const { database, accounts } = app.services;
  const { user } = await accounts.register({ username: 'ann', password: 'correct horse' }, '127.0.0.1');
  const { secret } = await accounts.createApiKey(user.id, { name: 'test', expiresAt: null });
  const member = askAs(secret);
  const begin = (sizeBytes: number) =>
    member<{ it: Outcome }>(CREATE, { input: { mimeType: 'application/octet-stream', sizeBytes } });
  expect(await begin(1_000_001)).toMatchObject({
    it: { __typename: 'QuotaExceededError', code: 'QUOTA_EXCEEDED', limit: 1 },
  });
  expect(await begin(999_999)).toMatchObject({ it: { __typename: 'Upload' } });
  const fox = { textToImage: { prompt: 'a fox' } };
  expect(await submit(fox, member)).toMatchObject({ status: 'SUCCEEDED' });
  expect(await submit(fox, member)).toMatchObject({
    __typename: 'QuotaExceededError',
    message: expect.stringMatching(/^no more than 1 MB of files may be stored, and 1(\.\d+)? MB are/),
    limit: 1,
  });
  await database.prisma.task.deleteMany({ where: { userId: user.id } });
  await app.services.artifacts.collectGarbage({ graceMs: 0 });
  expect(await submit(fox, member)).toMatchObject({ status: 'SUCCEEDED' });
  await expectInvariants(database);
});

test('a result behind a link that expires is in S3 before its task has succeeded', async () => {
  const drawn = await submit({ textToImage: { prompt: 'a fox', model: 'linked' } });
  const made = await submit({ custom: { type: 'cog', payload: { scale: 2 } } });
  expect([drawn.status, made.status]).toEqual(['SUCCEEDED', 'SUCCEEDED']);
  expect(made.result?.value).toEqual({ picture: { file: 0 }, seed: 7 });
  const links = provider.paths.filter((path) => path.startsWith('/files/'));
  expect(links).toHaveLength(2);
  for (const link of links) expect((await fetch(`${provider.url}${link}`)).status).toBe(410);
  for (const { url } of [...(drawn.result?.images ?? []), ...(made.result?.files ?? [])]) {
    expect(new URL(url).origin).toBe(origin());
    expect((await fetch(url)).status).toBe(200);
  }
});
