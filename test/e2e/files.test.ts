import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client as Connection } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { speak, speakPcm } from '../../simulator/index.ts';
import type { Client } from './outside/client.ts';
import {
  type ArtifactView,
  drawn,
  good,
  type Outcome,
  picture,
  remove,
  SUBMIT,
  submit,
  type TaskView,
} from './outside/contract.ts';
import { openPlace, type Place, type SimulatedNode } from './outside/place.ts';

let place: Place;
let speech: SimulatedNode;
beforeAll(async () => {
  place = await openPlace({ MAX_UPLOAD_BYTES: '2000000' });
  speech = await place.node({ protocol: 'FAST_WHISPER', slots: 4 });
});
afterAll(() => place?.[Symbol.asyncDispose]());

const WORDS = 'go forward ten meters';
const AUDIO = 'variables.input.task.speechToText.audio';

async function transcribe(
  client: Client,
  audio: object,
  files: Record<string, Blob> = {},
  more: object = {},
): Promise<Outcome<TaskView>> {
  const input = {
    task: { speechToText: { audio, model: speech.model, ...more } },
    waitMs: 30_000,
  };
  if (Object.keys(files).length === 0) return submit(client, input);
  return (await client.upload<{ it: Outcome<TaskView> }>(SUBMIT, { input }, files)).it;
}

function wav(words = WORDS): File {
  return new File([new Uint8Array(speak(words))], 'words.wav', { type: 'audio/wav' });
}

function pcm(words: string, sampleRate: number, channels = 1): Blob {
  return new Blob([new Uint8Array(speakPcm(words, { sampleRate, channels }))]);
}

async function imageOf(client: Client): Promise<ArtifactView> {
  const node = await place.node();
  const task = await drawn(client, node.model);
  const image = task.result?.images?.[0];
  if (!image) throw new Error('no picture was drawn');
  return image;
}

describe.concurrent('sound comes in', () => {
  test('as an uploaded file, and again by its artifact', async () => {
    const member = await place.member();
    const task = good<TaskView>(
      await transcribe(member, { upload: null }, { [`${AUDIO}.upload`]: wav() }, { timestamps: true }),
      'Task',
    );
    expect(task).toMatchObject({
      status: 'SUCCEEDED',
      queue: `speech-to-text/${speech.model}`,
      result: { __typename: 'TranscriptResult', text: WORDS },
    });
    expect(task.result?.segments?.[0]).toMatchObject({ text: WORDS });
    const artifactId = /artifact_[0-9a-z]{26}/.exec(JSON.stringify(task.input))?.[0];
    expect(artifactId).toBeDefined();
    const again = good<TaskView>(await transcribe(member, { artifactId }), 'Task');
    expect(again.result?.text).toBe(WORDS);

    const stranger = await place.member();
    expect(await transcribe(stranger, { artifactId })).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: 'task.speechToText.audio.artifactId' }],
    });
    expect(await transcribe(member, { artifactId: 'nonsense' })).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: 'task.speechToText.audio.artifactId' }],
    });
  });

  test.for([
    [16_000, 1],
    [48_000, 2],
    [8_000, 1],
  ] as const)('as raw samples of %i Hz in %i channels', async ([sampleRate, channels]) => {
    const member = await place.member();
    const task = good<TaskView>(
      await transcribe(
        member,
        { pcm: { data: null, sampleRate, channels } },
        { [`${AUDIO}.pcm.data`]: pcm(WORDS, sampleRate, channels) },
      ),
      'Task',
    );
    expect(task).toMatchObject({ status: 'SUCCEEDED', result: { text: WORDS } });
  });

  test('raw samples shorter than the node takes are padded', async () => {
    const member = await place.member();
    const data = new Blob([new Uint8Array(speakPcm(WORDS).subarray(0, 3_200))]);
    const task = good<TaskView>(
      await transcribe(member, { pcm: { data: null, sampleRate: 16_000 } }, { [`${AUDIO}.pcm.data`]: data }),
      'Task',
    );
    expect(task).toMatchObject({ status: 'SUCCEEDED' });
  });

  test('raw samples of an odd length or an impossible rate are refused by name', async () => {
    const member = await place.member();
    const odd = { [`${AUDIO}.pcm.data`]: new Blob([new Uint8Array(3)]) };
    expect(await transcribe(member, { pcm: { data: null, sampleRate: 16_000 } }, odd)).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: 'task.speechToText.audio.pcm.data' }],
    });
    const files = { [`${AUDIO}.pcm.data`]: pcm(WORDS, 16_000) };
    expect(await transcribe(member, { pcm: { data: null, sampleRate: 0 } }, files)).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: 'task.speechToText.audio.pcm.sampleRate' }],
    });
  });

  test('the same file under an idempotency key is the same task, another file a conflict', async () => {
    const member = await place.member();
    const send = async (file: File) => {
      const input = {
        task: { speechToText: { audio: { upload: null }, model: speech.model } },
        idempotencyKey: 'one',
      };
      return (
        await member.upload<{ it: Outcome<TaskView> }>(SUBMIT, { input }, { [`${AUDIO}.upload`]: file })
      ).it;
    };
    const first = good<TaskView>(await send(wav()), 'Task');
    expect(good<TaskView>(await send(wav()), 'Task').id).toBe(first.id);
    expect(await send(wav('other words'))).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  test('by URL, but never from a private address', async () => {
    const member = await place.member();
    const server = createServer((_request, response) => response.end(speak(WORDS)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    let asked = 0;
    server.on('request', () => (asked += 1));
    const { port } = server.address() as AddressInfo;
    const urls = [
      `http://127.0.0.1:${port}/a.wav`,
      `http://localhost:${port}/a.wav`,
      `http://[::ffff:127.0.0.1]:${port}/a.wav`,
      'http://169.254.169.254/latest/meta-data/',
      'file:///etc/passwd',
    ];
    for (const url of urls) {
      const outcome = await transcribe(member, { url });
      if (outcome.__typename === 'InvalidInputError') {
        expect(outcome).toMatchObject({ issues: [{ path: 'task.speechToText.audio.url' }] });
      } else {
        expect(outcome).toMatchObject({ status: 'FAILED', error: { code: 'INPUT_UNAVAILABLE' } });
      }
    }
    expect(asked).toBe(0);
    server.close();
    await expect(transcribe(member, { url: 'not a url' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test('an upload above the limit is refused', async () => {
    const member = await place.member();
    const giant = new File([new Uint8Array(2_100_000)], 'giant.wav', { type: 'audio/wav' });
    await expect(transcribe(member, { upload: null }, { [`${AUDIO}.upload`]: giant })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });

  test('a connection is good for the next request after an upload that was refused', async () => {
    const member = await place.member();
    const boundary = 'border';
    const parts = [
      ['name="operations"', JSON.stringify({ query: SUBMIT, variables: { input: { task: {} } } })],
      ['name="map"', JSON.stringify({ 0: ['variables.input.task'] })],
      ['name="0"; filename="giant.wav"', '\0'.repeat(2_100_000)],
    ].map(([name, body]) => `--${boundary}\r\ncontent-disposition: form-data; ${name}\r\n\r\n${body}\r\n`);
    const connection = new Connection(place.url, { bodyTimeout: 30_000, headersTimeout: 30_000 });
    const send = async (type: string, body: string) => {
      const headers = { authorization: `Bearer ${member.token}`, 'content-type': type };
      const answer = await connection.request({ path: '/graphql', method: 'POST', headers, body });
      await answer.body.dump();
      return answer.statusCode;
    };
    const upload = `${parts.join('')}--${boundary}--\r\n`;
    expect(await send(`multipart/form-data; boundary=${boundary}`, upload)).toBe(413);
    expect(await send('application/json', '{"query":"{ me { id } }"}')).toBe(200);
    await connection.close();
  });

  test('exactly one source must be given', async () => {
    const member = await place.member();
    await expect(transcribe(member, {})).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(
      transcribe(member, { url: 'http://example.com/a.wav', artifactId: 'x' }),
    ).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

describe.concurrent('pictures go out', () => {
  test('the same prompt and seed draw the same picture, others another; count makes as many', async () => {
    const member = await place.member();
    const node = await place.node();
    const hashes = async (image: object) => {
      const task = await drawn(member, node.model, picture(node.model, image));
      return task.result?.images?.map(({ sha256 }) => sha256) ?? [];
    };
    const [one, same, other] = [
      await hashes({ seed: 1 }),
      await hashes({ seed: 1 }),
      await hashes({ seed: 1, prompt: 'an owl' }),
    ];
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
    expect(new Set(await hashes({ seed: 1, count: 3 })).size).toBe(3);
  });

  test('by a signed URL, whole or in part, with headers that tell what it is', async () => {
    const member = await place.member();
    const image = await imageOf(member);
    expect(image.url.startsWith(`${place.url}/artifacts/`)).toBe(true);
    const whole = await fetch(image.url);
    const bytes = await whole.bytes();
    expect(whole.status).toBe(200);
    expect(bytes.length).toBe(image.sizeBytes);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(image.sha256);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(image.sizeBytes),
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'cache-control': expect.stringContaining('private'),
      etag: expect.stringContaining(image.sha256),
    });

    const get = (headers: Record<string, string>) => fetch(image.url, { headers });
    const part = await get({ range: 'bytes=1-3' });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 1-3/${image.sizeBytes}`]);
    expect(await part.text()).toBe('PNG');
    const tail = await get({ range: 'bytes=-4' });
    expect(await tail.bytes()).toEqual(bytes.slice(-4));
    const open = await get({ range: `bytes=${image.sizeBytes - 2}-` });
    expect((await open.bytes()).length).toBe(2);
    const outside = await get({ range: `bytes=${image.sizeBytes}-` });
    expect([outside.status, outside.headers.get('content-range')]).toEqual([
      416,
      `bytes */${image.sizeBytes}`,
    ]);

    const head = await fetch(image.url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(image.sizeBytes)]);
    const cached = await get({ 'if-none-match': whole.headers.get('etag') ?? '' });
    expect(cached.status).toBe(304);
    expect((await fetch(image.url, { method: 'POST' })).status).toBe(405);
  });

  test('not by a URL that is unsigned, altered or of another file', async () => {
    const member = await place.member();
    const [image, other] = [await imageOf(member), await imageOf(member)];
    const [signed, path] = [new URL(image.url), new URL(other.url).pathname];
    const altered = [...signed.searchParams.keys()].map((name) => {
      const url = new URL(signed);
      const value = url.searchParams.get(name) ?? '';
      url.searchParams.set(name, /^\d+$/.test(value) ? String(Number(value) + 3600) : `A${value.slice(1)}B`);
      return url.href;
    });
    expect(altered.length).toBeGreaterThan(0);
    for (const url of [
      ...altered,
      signed.origin + signed.pathname,
      `${signed.origin}${path}${signed.search}`,
    ]) {
      expect([url, (await fetch(url)).status]).toEqual([
        url,
        expect.toSatisfy((code: number) => code === 403 || code === 404),
      ]);
    }
    for (const nowhere of ['/artifacts/', '/artifacts/../admin-key', '/artifacts/%2e%2e%2fadmin-key']) {
      expect((await fetch(`${place.url}${nowhere}`)).status).toBe(404);
    }
  });
});

test('a file outlives a task that was deleted as long as another names it', async () => {
  const member = await place.member();
  const upload = () => transcribe(member, { upload: null }, { [`${AUDIO}.upload`]: wav() });
  const first = good<TaskView>(await upload(), 'Task');
  const artifactId = /artifact_[0-9a-z]{26}/.exec(JSON.stringify(first.input))?.[0];
  const second = good<TaskView>(await transcribe(member, { artifactId }), 'Task');
  const exists = 'query ($id: ID!) { node(id: $id) { id } }';
  await remove(member, first.id);
  expect(await member.ask(exists, { id: artifactId })).toEqual({ node: { id: artifactId } });
  await remove(member, second.id);
  expect(await member.ask(exists, { id: artifactId })).toEqual({ node: null });
});
