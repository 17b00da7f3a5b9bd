import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type Api,
  answerOf,
  bearer,
  type Json,
  type Person,
  startApi,
} from '../http/support.ts';
import { failure, joinWork, pixel, registerNode, type Work } from '../http/work.ts';

let api: Api;
let user: Person;
let work: Work;

beforeAll(async () => {
  api = await startApi();
  await registerNode(api, 'node', 100);
  user = await api.person();
  work = await joinWork(api);
});

afterAll(() => api[Symbol.asyncDispose]());

const mutation = `mutation ($input: SubmitTaskInput!) { submitTask(input: $input) {
  __typename
  ... on Task { id status input labels model priority startAt error { code message } maxAttempts }
  ... on Error { code message ... on InvalidInputError { issues { path message } }
    ... on IdempotencyConflictError { task { id } } }
} }`;

async function submit(input: object, as = user): Promise<Json> {
  const { data, errors } = await api.send(mutation, { as, variables: { input } });
  expect(errors).toEqual([]);
  return data.submitTask as Json;
}

/** As the GraphQL multipart request specification has it. */
async function upload(
  audio: object,
  path: string,
  file: Blob,
  options: object = {},
  as = user,
): Promise<Answer> {
  const form = new FormData();
  const variables = { input: { task: { speechToText: { audio } }, ...options } };
  form.set('operations', JSON.stringify({ query: mutation, variables }));
  form.set('map', JSON.stringify({ 0: [`variables.input.task.speechToText.audio.${path}`] }));
  form.set('0', file, '../../a "name".wav');
  const response = await fetch(`${api.url}/graphql`, { method: 'POST', headers: bearer(as), body: form });
  return answerOf(response);
}

const uploaded = async (...args: Parameters<typeof upload>): Promise<Json> =>
  (await upload(...args)).data.submitTask as Json;

/** A second of silence, 16 kHz mono. */
function wav(): Blob {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + 32_000, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(16_000, 24);
  header.writeUInt32LE(32_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(32_000, 40);
  return new Blob([header, new Uint8Array(32_000)]);
}

describe('a submission', () => {
  it('is answered with the task, its input completed by the defaults of its kind', async () => {
    const image = { prompt: 'a lighthouse', width: 512 };
    expect(await submit({ task: { textToImage: image }, labels: { team: 'blue' } })).toMatchObject({
      __typename: 'Task',
      id: expect.stringMatching(/^task_/),
      status: 'QUEUED',
      model: 'qwen-image',
      priority: 'NORMAL',
      input: { ...image, count: 1 },
      labels: { team: 'blue' },
      maxAttempts: 3,
    });
  });

  it('takes a null for what could be left out', async () => {
    const image = { prompt: 'a mill', width: null, count: null };
    const input = {
      task: { textToImage: image },
      maxAttempts: null,
      labels: null,
      priority: null,
      waitMs: null,
    };
    expect(await submit(input)).toMatchObject({
      status: 'QUEUED',
      input: { prompt: 'a mill', count: 1 },
      labels: {},
      maxAttempts: 3,
      priority: 'NORMAL',
    });
  });

  it('waits for its start time', async () => {
    const startAt = new Date(Date.now() + 3_600_000).toISOString();
    const task = { textToImage: { prompt: 'later' } };
    expect(await submit({ task, startAt })).toMatchObject({ status: 'SCHEDULED', startAt });
    expect(await submit({ task, startAt: '2020-01-01T00:00:00+02:00' })).toMatchObject({ status: 'QUEUED' });
  });

  it('asks for exactly one kind, and one source of a file', async () => {
    for (const task of [
      {},
      { textToImage: { prompt: 'x' }, speechToText: { audio: { url: 'http://a.b/c' } } },
    ]) {
      const { errors } = await api.send(mutation, { as: user, variables: { input: { task } } });
      expect(errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
    }
  });

  it('holds the answer until the task is final', async () => {
    const wait = { task: { textToImage: { prompt: 'wait' } }, idempotencyKey: 'waiting', waitMs: 20_000 };
    const answer = submit(wait);
    const { task } = api.services.database.prisma;
    await expect.poll(() => task.count({ where: { idempotencyKey: 'waiting', status: 'QUEUED' } })).toBe(1);
    for (let started = await work.start(); started.length > 0; started = await work.start()) {
      for (const claimed of started) await work.finish(claimed, failure);
    }
    expect(await answer).toMatchObject({
      status: 'FAILED',
      error: { code: 'NODE_REJECTED', message: 'no such size' },
    });
  });

  it('holds the answer no longer than was asked for', async () => {
    const started = performance.now();
    expect(await submit({ task: { textToImage: { prompt: 'wait' } }, waitMs: 200 })).toMatchObject({
      status: 'QUEUED',
    });
    expect(performance.now() - started).toBeGreaterThanOrEqual(195);
  });
});

describe('the file of a submission', () => {
  it('is uploaded', async () => {
    const task = await uploaded({ upload: null }, 'upload', wav());
    expect(task).toMatchObject({
      __typename: 'Task',
      input: {
        audio: { artifactId: expect.stringMatching(/^artifact_/) },
        durationSeconds: 1,
        timestamps: false,
      },
    });
    const query =
      'query ($id: ID!) { node(id: $id) { ... on Artifact { mimeType sizeBytes durationSeconds url } } }';
    const { data } = await api.send(query, { as: user, variables: { id: task.input?.audio?.artifactId } });
    expect(data.node).toMatchObject({ mimeType: 'audio/wav', sizeBytes: 32_044, durationSeconds: 1 });
    const file = await fetch(String(data.node?.url));
    expect([file.status, (await file.arrayBuffer()).byteLength]).toEqual([200, 32_044]);
  });

  it('is uploaded as raw samples with their rate', async () => {
    const pcm = { data: null, sampleRate: 8_000, channels: 2 };
    const task = await uploaded({ pcm }, 'pcm.data', new Blob([new Uint8Array(8_000 * 2 * 2)]));
    expect(task.input).toMatchObject({
      audio: { pcm: { sampleRate: 8_000, channels: 2 } },
      durationSeconds: 1,
    });
    const odd = await uploaded({ pcm }, 'pcm.data', new Blob([new Uint8Array(3)]));
    expect(odd.issues?.[0]?.path).toBe('task.speechToText.audio.pcm.data');
    const slow = await uploaded(
      { pcm: { ...pcm, sampleRate: 1 } },
      'pcm.data',
      new Blob([new Uint8Array(4)]),
    );
    expect(slow.issues?.[0]?.path).toBe('task.speechToText.audio.pcm.sampleRate');
  });

  it('is an artifact of an earlier one', async () => {
    const earlier = await uploaded({ upload: null }, 'upload', wav());
    const { artifactId } = earlier.input?.audio ?? {};
    const task = await submit({ task: { speechToText: { audio: { artifactId } } } });
    expect(task.input).toMatchObject({ audio: { artifactId }, durationSeconds: 1 });
    const missing = await submit({ task: { speechToText: { audio: { artifactId: 'artifact_nonsense' } } } });
    expect(missing).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [
        { path: 'task.speechToText.audio.artifactId', message: expect.stringContaining('no artifact') },
      ],
    });
  });

  it('is named by a URL, which the worker fetches', async () => {
    const url = 'https://example.org/speech.wav';
    const task = await submit({ task: { speechToText: { audio: { url }, language: 'en' } } });
    expect(task.input).toEqual({ audio: { url }, language: 'en', timestamps: false });
    expect(await submit({ task: { speechToText: { audio: { url: 'file:///etc/passwd' } } } })).toMatchObject({
      issues: [{ path: 'task.speechToText.audio.url', message: expect.stringContaining('http') }],
    });
    const secret = { task: { speechToText: { audio: { url: 'https://me:secret@example.org/speech.wav' } } } };
    expect(await submit(secret)).toMatchObject({
      issues: [{ path: 'task.speechToText.audio.url', message: 'must not bear a user name or a password' }],
    });
    const { errors } = await api.send(mutation, {
      as: user,
      variables: { input: { task: { speechToText: { audio: { url: '/relative' } } } } },
    });
    expect(errors[0]).toMatchObject({
      message: expect.stringContaining('absolute URL'),
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it('is not empty, and is a file', async () => {
    const empty = await uploaded({ upload: null }, 'upload', new Blob([]));
    expect(empty.issues).toEqual([
      { path: 'task.speechToText.audio.upload', message: expect.stringContaining('empty') },
    ]);
    const both = await uploaded({ upload: null }, 'upload', new Blob([]), { maxAttempts: 0 });
    expect(both.issues).toEqual([
      { path: 'maxAttempts', message: 'must be 1 to 100' },
      { path: 'task.speechToText.audio.upload', message: expect.stringContaining('empty') },
    ]);
    const { errors } = await api.send(mutation, {
      as: user,
      variables: { input: { task: { speechToText: { audio: { upload: 'a.wav' } } } } },
    });
    expect(errors[0]).toMatchObject({
      message: expect.stringContaining('multipart'),
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });
});

describe('an idempotency key', () => {
  it('gives the same task again for the same input, whatever waitMs says', async () => {
    const input = { task: { textToImage: { prompt: 'once', seed: 1 } }, idempotencyKey: 'a' };
    const { id } = await submit(input);
    expect((await submit({ ...input, waitMs: 1 })).id).toBe(id);
    const all = await Promise.all(Array.from({ length: 20 }, () => submit(input)));
    expect(new Set(all.map((task) => String(task.id)))).toEqual(new Set([String(id)]));
  });

  it('takes files by their bytes', async () => {
    const first = await uploaded({ upload: null }, 'upload', wav(), { idempotencyKey: 'b' });
    const again = await uploaded({ upload: null }, 'upload', wav(), { idempotencyKey: 'b' });
    expect(again).toMatchObject({ __typename: 'Task', id: first.id });
    const other = await uploaded({ upload: null }, 'upload', new Blob([pixel]), { idempotencyKey: 'b' });
    expect(other).toMatchObject({ __typename: 'IdempotencyConflictError', task: { id: first.id } });
  });

  it("is one's own: another user may have the same", async () => {
    const input = { task: { textToImage: { prompt: 'mine' } }, idempotencyKey: 'c' };
    const own = await submit(input);
    const others = await submit(input, await api.person());
    expect(others.__typename).toBe('Task');
    expect(others.id).not.toBe(own.id);
  });
});
