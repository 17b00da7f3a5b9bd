import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Client, SubmitTaskInput, Task } from '../../sdk/src/index.ts';
import { heard, type OutsideProtocol, png, send } from '../support/outside-nodes.ts';
import { fine, full, trappedProtocols, trapsOf } from './outside-traps.ts';
import { type AddNode, openSite, type Server, type Site } from './site.ts';

// Most of the time each of them waits for a back-off.
vi.setConfig({ maxConcurrency: 20, testTimeout: 60_000 });

let site: Site;
let server: Server;
let client: Client;
let count = 0;

beforeAll(async () => {
  site = await openSite();
  // The giants need not be so great then.
  server = await site.open('all', { MAX_UPLOAD_BYTES: '4000000' });
  client = site.client(server);
});

afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
});

/** Two seconds of silence: 16 kHz, 16 bits, mono. */
const samples = new Uint8Array(64_000);

function wave(): File {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0).toString();
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(16_000, 24);
  head.writeUInt32LE(32_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return new File([head, samples], 'spoken.wav', { type: 'audio/wav' });
}

const picture = (model: string, more: object = {}): SubmitTaskInput => ({
  task: { textToImage: { prompt: 'a red fox', width: 64, height: 48, ...more, model } },
});
const speech = (model: string, more: object = {}): SubmitTaskInput => ({
  task: { speechToText: { audio: { upload: wave() }, ...more, model } },
});

/** A node of a model of its own, so that no test meets another's. */
async function addNode(protocol: OutsideProtocol, options: Partial<AddNode> = {}) {
  const model = `model-${++count}`;
  return Object.assign(await site.addNode(server, { model, protocol, ...options }), { model });
}

function finalTask(input: SubmitTaskInput): Promise<Task> {
  return client.submitAndWait(input, { signal: AbortSignal.timeout(50_000) });
}

async function outcomes(task: Task): Promise<string[]> {
  const attempts = await site.attempts(task.id);
  return attempts.map(({ outcome }) => outcome);
}

async function firstImage(task: Task) {
  if (task.result?.__typename !== 'ImageResult') throw new Error(`no picture: ${JSON.stringify(task.error)}`);
  const [image] = task.result.images;
  if (!image) throw new Error('no picture');
  return { ...image, bytes: Buffer.from(await (await client.download(image)).arrayBuffer()) };
}

describe.concurrent('servers in good order', () => {
  test('qwen-image-gguf draws', async () => {
    const node = await addNode('QWEN_IMAGE_GGUF');
    const task = await finalTask(picture(node.model, { negativePrompt: 'blur', steps: 7 }));
    expect(await firstImage(task)).toMatchObject({ mimeType: 'image/png', width: 64, height: 48 });
    expect((await firstImage(task)).bytes.equals(await png(64, 48))).toBe(true);
    expect(node.calls.map(({ fields }) => fields)).toEqual([
      { prompt: 'a red fox', negative_prompt: 'blur', num_inference_steps: 7 },
    ]);
  });

  test('a node that knows neither seed nor count is asked as often as there are pictures', async () => {
    const node = await addNode('QWEN_IMAGE_GGUF');
    const task = await finalTask(picture(node.model, { count: 3, seed: 5 }));
    expect(task.result).toMatchObject({ images: [{}, {}, {}], seed: null });
    expect(node.calls).toHaveLength(3);
    expect(node.peak).toBe(1);
  });

  test('fast-whisper transcribes a file', async () => {
    const node = await addNode('FAST_WHISPER');
    const task = await finalTask(speech(node.model));
    expect(task.result).toMatchObject({ text: heard, language: 'en', segments: [] });
    expect(node.calls[0]).toMatchObject({ path: '/api/v1/asr', file: { type: 'audio/wav' } });
    expect(node.calls[0]?.file?.bytes.equals(Buffer.from(await wave().arrayBuffer()))).toBe(true);
  });

  test.each([
    ['as it is', 16_000, 1, 64_000],
    ['from 44,100 Hz in stereo', 44_100, 2, 64_000],
    ['too short, padded', 16_000, 1, 3_200],
  ])('fast-whisper gets raw samples: %s', async (_, sampleRate, channels, size) => {
    const node = await addNode('FAST_WHISPER');
    const pcm = { data: new Blob([new Uint8Array(size)]), sampleRate, channels };
    const task = await finalTask(speech(node.model, { audio: { pcm } }));
    expect(task.result).toMatchObject({ text: heard });
    expect(node.calls.map(({ path }) => path)).toEqual(['/api/v1/asr/pcm']);
  });

  test('openai draws as many as asked in one call, and is shown its token', async () => {
    const node = await addNode('OPENAI', { token: 'sk-outside' });
    const task = await finalTask(picture(node.model, { count: 2 }));
    expect(task.result).toMatchObject({ images: [{ width: 64, height: 48 }, { width: 64 }] });
    expect(node.calls).toHaveLength(1);
    expect(node.calls[0]?.fields).toMatchObject({
      prompt: 'a red fox',
      n: 2,
      size: '64x48',
      model: node.model,
    });
  });

  test('openai transcribes, with times where they are asked for', async () => {
    const node = await addNode('OPENAI', { kind: 'SPEECH_TO_TEXT' });
    const plain = await finalTask(speech(node.model, { language: 'en' }));
    expect(plain.result).toMatchObject({ text: heard });
    expect(node.calls[0]?.fields).toMatchObject({ language: 'en', model: node.model });
    const timed = await finalTask(speech(node.model, { timestamps: true }));
    expect(timed.result).toMatchObject({
      text: heard,
      segments: [{ startSeconds: 0, endSeconds: 1.5, text: heard }],
    });
  });

  test.each([
    ['a file', () => ({ upload: wave() })],
    ['raw samples', () => ({ pcm: { data: new Blob([samples]), sampleRate: 16_000 } })],
  ])('whisper-cpp transcribes %s, and its spaces are trimmed', async (_, audio) => {
    const node = await addNode('WHISPER_CPP');
    const task = await finalTask(speech(node.model, { audio: audio(), timestamps: true }));
    expect(task.result).toMatchObject({ text: heard, segments: [{ startSeconds: 0, text: heard }] });
    expect(node.calls[0]?.path).toBe('/inference');
  });
});

describe.concurrent.each(trappedProtocols)('traps of %s', (protocol) => {
  test.each(trapsOf(protocol))('%s', async (_, trap, expected) => {
    const node = await addNode(protocol);
    node.trap(trap);
    const isSpeech = protocol === 'FAST_WHISPER' || protocol === 'WHISPER_CPP';
    const task = await finalTask(isSpeech ? speech(node.model) : picture(node.model));
    expect({ status: task.status, outcomes: await outcomes(task) }).toEqual({
      status: expected.status,
      outcomes: expected.outcomes,
    });
    const events = [];
    for await (const event of client.events(task.id)) events.push(event);
    const failure = events.findLast(({ error }) => error !== null)?.error;
    if (expected.code !== undefined) expect(failure?.code).toBe(expected.code);
    if (expected.says !== undefined) expect(failure?.message).toMatch(expected.says);
    if (expected === fine) expect(failure).toBeUndefined();
    if (expected.status === 'SUCCEEDED') {
      expect(task.result).toMatchObject(isSpeech ? { text: heard } : { images: [{ mimeType: 'image/png' }] });
    }
    expect(node.peak).toBe(1);
  });

  test('a full node spends no attempt', async () => {
    const node = await addNode(protocol);
    node.trap(full, full);
    const isSpeech = protocol === 'FAST_WHISPER' || protocol === 'WHISPER_CPP';
    const input = isSpeech ? speech(node.model) : picture(node.model);
    const task = await finalTask({ ...input, maxAttempts: 1 });
    expect(task).toMatchObject({ status: 'SUCCEEDED' });
    expect(node.calls).toHaveLength(3);
  });
});

describe.concurrent('nodes that are not ready', () => {
  const notYet: readonly [OutsideProtocol, string, Parameters<typeof send>[1], string, string][] = [
    ['QWEN_IMAGE_GGUF', 'says so', 200, 'application/json', '{"message":"pong","status":"loading"}'],
    ['QWEN_IMAGE_GGUF', 'answers with a page', 200, 'text/html', '<html>ready</html>'],
    ['OPENAI', 'answers 503', 503, 'application/json', '{"error":{"message":"Loading model"}}'],
    ['WHISPER_CPP', 'answers 404 while it loads', 404, 'text/plain', 'File Not Found (/health)'],
    ['WHISPER_CPP', 'answers 503 while it loads', 503, 'application/json', '{"status":"loading model"}'],
  ];

  test.each(notYet)('%s that %s gets no task before it is', async (protocol, _, status, type, body) => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    let times = 0;
    const answerReady = (response: ServerResponse): void => {
      send(response, status, type, body);
      if (++times === 3) resolve();
    };
    const node = await addNode(protocol, { answerReady });
    const input = protocol === 'WHISPER_CPP' ? speech(node.model) : picture(node.model);
    const task = await client.submit(input);
    await asked;
    expect(node.calls).toHaveLength(0);
    expect(await client.task(task.id)).toMatchObject({ status: 'QUEUED', attempt: 0 });
    node.answerReady(null);
    for await (const { status: now } of client.watch(task.id)) if (now === 'SUCCEEDED') break;
    expect(node.calls).toHaveLength(1);
  });
});

test('after all of that the database is in order', async () => {
  await site.expectOrder();
});
