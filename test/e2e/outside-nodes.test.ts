import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Client, SubmitTaskInput, Task } from '../../sdk/src/index.ts';
import { heard, type OutsideProtocol, png, send, type Trap } from '../support/outside-nodes.ts';
import type { ServerProcess } from '../support/process.ts';
import { type AddNode, openSite, type Site } from './site.ts';

// Most of the time each of them waits for a back-off.
vi.setConfig({ maxConcurrency: 20 });

let site: Site;
let server: ServerProcess;
let client: Client;
let count = 0;

beforeAll(async () => {
  site = await openSite();
  // The giants need not be so great then.
  server = await site.start('all', { MAX_UPLOAD_BYTES: '4000000' });
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
  return client.submitAndWait(input, { signal: AbortSignal.timeout(25_000) });
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

/** What becomes of a task whose first call falls into the trap. */
interface Expected {
  readonly status: 'SUCCEEDED' | 'FAILED';
  /** Of its attempts. */
  readonly outcomes: readonly string[];
  /** The code of the last failure. */
  readonly code?: string;
  /** What its message tells. */
  readonly says?: RegExp;
}

const again = (code: string, outcome = 'FAILED', says = /./): Expected => ({
  status: 'SUCCEEDED',
  outcomes: [outcome, 'SUCCEEDED'],
  code,
  says,
});
const refused = (says: RegExp): Expected => ({
  status: 'FAILED',
  outcomes: ['FAILED'],
  code: 'NODE_REJECTED',
  says,
});
const fine: Expected = { status: 'SUCCEEDED', outcomes: ['SUCCEEDED'] };

const json =
  (body: unknown, status = 200, type: string | null = 'application/json'): Trap =>
  ({ response }) =>
    send(response, status, type, JSON.stringify(body));
const text =
  (body: string, status = 200, type = 'text/plain'): Trap =>
  ({ response }) =>
    send(response, status, type, body);

const broken: Trap = ({ response }) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 5_000 });
  response.write('{"text":"half of it', () => response.destroy());
};
const brokenChunks: Trap = ({ response }) => {
  response.writeHead(200, { 'content-type': 'image/png' });
  response.write(Buffer.alloc(1_000), () => response.destroy());
};
const closed: Trap = ({ request }) => void request.socket.end();
const reset: Trap = ({ request }) => void request.socket.resetAndDestroy();
const endless: Trap = ({ response }) => {
  response.writeHead(200, { 'content-type': 'image/png' });
  const chunk = Buffer.alloc(256 * 1024, 1);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
};
const promisedGiant: Trap = ({ response }) => {
  response.writeHead(200, { 'content-type': 'image/png', 'content-length': 50_000_000_000 });
  response.write('x');
};

/** Whatever the protocol. */
const everywhere: readonly [string, Trap, Expected][] = [
  ['a connection that is reset', reset, again('NODE_UNREACHABLE', 'NODE_LOST')],
  ['a connection that is closed without an answer', closed, again('NODE_UNREACHABLE', 'NODE_LOST')],
  ['half a body of a stated length', broken, again('BAD_NODE_ANSWER', 'FAILED', /cut short/)],
  ['half a body in chunks', brokenChunks, again('BAD_NODE_ANSWER', 'FAILED', /cut short/)],
  ['an endless answer', endless, again('BAD_NODE_ANSWER')],
  ['an answer that says that it is a giant', promisedGiant, again('BAD_NODE_ANSWER')],
  ['an empty answer', text(''), again('BAD_NODE_ANSWER')],
  ['500', text('CUDA error: out of memory', 500), again('NODE_ERROR', 'FAILED', /out of memory/)],
  ['a proxy that finds no server', text('<h1>502 Bad Gateway</h1>', 502, 'text/html'), again('NODE_ERROR')],
  [
    'a page of a proxy with 200',
    text('<html><h1>It works!</h1></html>', 200, 'text/html'),
    again('BAD_NODE_ANSWER'),
  ],
];

const busy: Expected = { status: 'SUCCEEDED', outcomes: ['FAILED', 'SUCCEEDED'], says: /./ };
const full: Trap = ({ response }) => {
  response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '1' });
  response.end('{"error":"job queue is full"}');
};
const unavailable: Trap = ({ response }) => {
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' });
  response.end('{"error":{"message":"Loading model","type":"unavailable_error","code":503}}');
};

const own: Readonly<Record<OutsideProtocol, readonly [string, Trap, Expected][]>> = {
  QWEN_IMAGE_GGUF: [
    ['no type', async ({ response }) => send(response, 200, null, await png(64, 48)), fine],
    ['a wrong type', async ({ response }) => send(response, 200, 'text/html', await png(64, 48)), fine],
    [
      'a picture of another size',
      async ({ response }) => send(response, 200, 'image/png', await png(104, 104)),
      fine,
    ],
    [
      'an error inside of 200',
      json({ error: 'out of memory' }),
      again('BAD_NODE_ANSWER', 'FAILED', /out of memory/),
    ],
    ['400', text('prompt is too long', 400), refused(/prompt is too long/)],
    ['422', json({ detail: 'num_inference_steps' }, 422), refused(/num_inference_steps/)],
    [
      'a long error',
      text(`beginning ${'x'.repeat(100_000)}`, 500),
      again('NODE_ERROR', 'FAILED', /^.{0,2200}$/),
    ],
  ],
  FAST_WHISPER: [
    ['data.text', json({ code: 0, message: 'ok', data: { text: heard } }), fine],
    ['JSON as text/html', json({ code: 0, message: 'ok', text: heard }, 200, 'text/html'), fine],
    ['an error inside of 200', json({ code: 1, message: 'audio too short' }), refused(/audio too short/)],
    [
      'a crash inside of 200',
      json({ code: 500, message: 'CUDA out of memory' }),
      again('NODE_ERROR', 'FAILED', /CUDA/),
    ],
    ['success without a transcript', json({ code: 0, message: 'success' }), again('BAD_NODE_ANSWER')],
    [
      'JSON that ends too early',
      text('{"code":0,"text":"go', 200, 'application/json'),
      again('BAD_NODE_ANSWER'),
    ],
  ],
  OPENAI: [
    [
      'an error inside of 200',
      json({ error: { message: 'device lost' } }),
      again('NODE_ERROR', 'FAILED', /device lost/),
    ],
    ['no data', json({ created: 1, data: [] }), again('BAD_NODE_ANSWER')],
    ['base64 of no picture', json({ data: [{ b64_json: 'bm8gcGljdHVyZQ==' }] }), again('BAD_NODE_ANSWER')],
    [
      'JSON without a type',
      async ({ response }) =>
        send(
          response,
          200,
          null,
          JSON.stringify({ data: [{ b64_json: (await png(64, 48)).toString('base64') }] }),
        ),
      fine,
    ],
    [
      'a data URL in b64_json',
      async ({ response }) => {
        const b64 = `data:image/png;base64,${(await png(64, 48)).toString('base64')}`;
        send(response, 200, 'application/json', JSON.stringify({ data: [{ b64_json: b64, url: null }] }));
      },
      fine,
    ],
    [
      '400',
      json({ error: { message: 'content policy', type: 'invalid_request_error' } }, 400),
      refused(/content policy/),
    ],
    [
      'the wrong token',
      json({ error: { message: 'Incorrect API key' } }, 401),
      again('NODE_ERROR', 'FAILED', /refused our token/),
    ],
  ],
  WHISPER_CPP: [
    ['404 while it loads', text('File Not Found (/inference)', 404), again('NODE_ERROR', 'FAILED')],
    ['its transcript as text/html', text(` ${heard}\n`, 200, 'text/html'), again('BAD_NODE_ANSWER')],
    ['JSON as text/html', json({ text: ` ${heard}\n` }, 200, 'text/html'), fine],
    ['400', text('Invalid request', 400), refused(/Invalid request/)],
    ['sound that it cannot read', json({ error: 'failed to read audio data' }), refused(/failed to read/)],
    [
      'an error inside of 200',
      json({ error: 'failed to process audio' }),
      again('NODE_ERROR', 'FAILED', /failed to process/),
    ],
  ],
};

describe.concurrent.each(Object.keys(own) as OutsideProtocol[])('traps of %s', (protocol) => {
  const traps = [
    // The connection is the same matter for all of them: one that draws and one that hears will do.
    ...(protocol === 'QWEN_IMAGE_GGUF' || protocol === 'WHISPER_CPP' ? everywhere : []),
    ...own[protocol],
    ['429', full, busy] as const,
    ['503 while it loads', unavailable, busy] as const,
  ];

  test.each(traps)('%s', async (_, trap, expected) => {
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
