import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createSimulator } from '../../../simulator/index.ts';
import { unpackVectors } from '../../../src/kinds/index.ts';
import { type MadeByKind, protocols } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, perform, type Report } from './calls.ts';
import { nodeAnswering, startNode } from './node.ts';

const protocol = protocols.OPENAI;

const chunk = (content: string | null, finish: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;
const DONE = 'data: [DONE]\n\n';

/** A server that sends these parts of a stream, each by itself, and then ends it. */
function streaming(parts: readonly (string | Uint8Array)[], type = 'text/event-stream') {
  return startNode(async (_, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': type });
    for (const part of parts) await new Promise<void>((sent) => response.write(part, () => sent()));
    response.end();
  });
}

async function generated(parts: readonly (string | Uint8Array)[], type?: string) {
  await using server = await streaming(parts, type);
  await using node = clientOf(server.url);
  const pieces: string[] = [];
  const made = perform(protocol, 'TEXT_GENERATION', { node, pieces });
  return { made: await made.catch((error: unknown) => ({ error })), fault: () => faultOf(made), pieces };
}

describe('openai texts', () => {
  it('come piece by piece, and are counted', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI' });
    await using node = clientOf(simulator.url);
    const pieces: string[] = [];
    const made = await perform(protocol, 'TEXT_GENERATION', { node, pieces });
    expect(pieces).toHaveLength(12);
    expect(made).toEqual({ text: pieces.join(''), promptTokens: 4, completionTokens: 12 });
    expect(simulator.history[0]?.input).toEqual({
      model: 'test-model',
      messages: [{ role: 'user', content: 'go forward ten meters' }],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 12,
    });
  });

  it('are asked for with everything that the caller gave, in the words of the model', async () => {
    await using server = await nodeAnswering({ choices: [{ message: { content: 'yes' } }] });
    await using node = clientOf(`${server.url}/v1`);
    const messages = [
      { role: 'SYSTEM' as const, content: 'be brief' },
      { role: 'USER' as const, content: 'is it?' },
    ];
    const input = { prompt: undefined, messages, maxTokens: 7, temperature: 0, seed: 3 };
    const made = await perform(protocol, 'TEXT_GENERATION', { node, model: 'gpt-5-mini', input });
    // Of a server that does not stream.
    expect(made).toEqual({ text: 'yes' });
    expect(server.asked.map(({ path }) => path)).toEqual(['/v1/chat/completions']);
    expect(JSON.parse(String(server.asked[0]?.body))).toEqual({
      model: 'gpt-5-mini',
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'is it?' },
      ],
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 7,
      temperature: 0,
      seed: 3,
    });
  });

  it('are read however the stream is cut up, with empty pieces, comments and a byte that is no text', async () => {
    const bytes = Buffer.from(
      `: ping\r\n\r\n${chunk(null)}${chunk('grün')}event: message\n${chunk('\u0000 und')}${chunk(' 🦊')}${chunk(null, 'stop')}${DONE}`,
    );
    const parts = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, n) =>
      bytes.subarray(n * 7, n * 7 + 7),
    );
    const { made, pieces } = await generated(parts);
    expect(made).toEqual({ text: 'grün\uFFFD und 🦊' });
    expect(pieces).toEqual(['grün', '\uFFFD und', ' 🦊']);
  });

  it('may come apart in the middle of a character', async () => {
    const [first = '', second = ''] = '🦊'.split('');
    expect((await generated([chunk(first), chunk(second, 'stop')])).made).toEqual({ text: '🦊' });
    expect((await generated([chunk(first, 'stop')])).made).toEqual({ text: '\uFFFD' });
  });

  it('are read under a content type that has nothing to do with them', async () => {
    expect((await generated([chunk('all'), chunk(' well', 'stop'), DONE], 'text/html')).made).toEqual({
      text: 'all well',
    });
  });

  it('end with a reason or with [DONE], and are cut off otherwise', async () => {
    expect((await generated([chunk('a', 'length')])).made).toEqual({ text: 'a' });
    expect((await generated([chunk('a'), DONE])).made).toEqual({ text: 'a' });
    const cut = await generated([chunk('half of'), chunk(' it')]);
    expect(cut.pieces).toEqual(['half of', ' it']);
    expect(await cut.fault()).toMatchObject({
      side: 'node',
      code: 'BAD_NODE_ANSWER',
      message: "the node's answer ended in the middle of the text",
    });
    const { fault } = await generated([chunk('half of'), 'data: {"choices": [{"delta"']);
    expect(await fault()).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER' });
  });

  it('are cut off where the node goes down in their midst', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI', latencyMs: 60_000 });
    await using node = clientOf(simulator.url);
    simulator.failNext({ type: 'cut-short' });
    simulator.set({ latencyMs: 0 });
    const fault = await faultOf(perform(protocol, 'TEXT_GENERATION', { node }));
    expect(fault).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER', sent: true });
  });

  it.each([
    [{ error: { message: 'CUDA error: out of memory', code: 500 } }, 'node', 'NODE_ERROR'],
    [{ error: 'engine died' }, 'node', 'NODE_ERROR'],
    [{ object: 'error', message: 'too long', code: 400 }, 'task', 'NODE_REJECTED'],
    [
      { error: { message: 'the request exceeds the available context size', code: 400 } },
      'task',
      'NODE_REJECTED',
    ],
    [{ error: { message: 'too many requests', code: 429 } }, 'busy', 'NODE_ERROR'],
  ] as const)('fail by whose fault an error in the stream says: %j', async (error, side, code) => {
    const { fault, pieces } = await generated([chunk('so far'), `data: ${JSON.stringify(error)}\n\n`, DONE]);
    expect(await fault()).toMatchObject({ side, code });
    expect(pieces).toEqual(['so far']);
  });

  it('are none where the stream is one of somebody else', async () => {
    const { fault } = await generated(['data: {"type": "response.created"}\n\n', DONE]);
    expect(await fault()).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER' });
  });
});

function vectorsOf(made: MadeByKind['EMBEDDING']): Float32Array[] {
  return unpackVectors('file' in made ? made.file.bytes : Buffer.from(made.base64, 'base64'));
}

function closeness(a: Float32Array | undefined, b: Float32Array | undefined): number {
  return [...(a ?? [])].reduce((sum, value, index) => sum + value * (b?.[index] ?? 0), 0);
}

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `text number ${n}`);

describe('openai embeddings', () => {
  it('are close to each other where the texts are alike, in the order of the texts', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI' });
    await using node = clientOf(simulator.url);
    const texts = ['a red fox in the snow', 'foxes in the snow', 'the price of bread rises'];
    const [fox, foxes, bread] = vectorsOf(await perform(protocol, 'EMBEDDING', { node, input: { texts } }));
    expect(closeness(fox, fox)).toBeCloseTo(1);
    expect(closeness(fox, foxes)).toBeGreaterThan(closeness(fox, bread) + 0.2);
  });

  it('of text-embeddings-inference come in as many requests as its /info wants, in order', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI', textsAtOnce: 8 });
    await using node = clientOf(simulator.url);
    const reports: Report[] = [];
    const texts = numbered(20);
    const made = vectorsOf(await perform(protocol, 'EMBEDDING', { node, input: { texts }, reports }));
    expect(simulator.history.map(({ route, input }) => [route, input.count])).toEqual([
      ['POST /embed', 8],
      ['POST /embed', 8],
      ['POST /embed', 4],
    ]);
    expect(reports.map(({ value }) => value)).toEqual([0.4, 0.8, 1]);
    const [alone] = vectorsOf(
      await perform(protocol, 'EMBEDDING', { node, input: { texts: ['text number 13'] } }),
    );
    expect(made[13]).toEqual(alone);
  });

  it('come in smaller batches where long texts would not fit into one', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI', textsAtOnce: 100 });
    await using node = clientOf(simulator.url);
    const texts = Array.from({ length: 20 }, (_, n) => `${n} ${'.'.repeat(8_000)}`);
    await perform(protocol, 'EMBEDDING', { node, input: { texts } });
    // 16,384 tokens of about four characters.
    expect(simulator.history.map(({ input }) => input.count)).toEqual([8, 8, 4]);
  });

  it('of many texts are a file', async () => {
    await using simulator = await createSimulator({ protocol: 'OPENAI' });
    await using node = clientOf(simulator.url);
    const made = await perform(protocol, 'EMBEDDING', { node, input: { texts: numbered(200) } });
    expect(made).toMatchObject({ dimensions: 128, file: { mimeType: 'application/octet-stream' } });
    expect(vectorsOf(made)).toHaveLength(200);
    expect(simulator.history.map(({ input }) => input.count)).toEqual([32, 32, 32, 32, 32, 32, 8]);
  });

  it('are halved until a server takes them that refuses large ones, and name the text that is too long', async () => {
    const sizes: number[] = [];
    await using server = await startNode((path, response) => {
      if (path === '/info') return void response.writeHead(404).end();
      const { input } = JSON.parse(String(server.asked.at(-1)?.body));
      sizes.push(input.length);
      const isTooMuch = input.length > 3 || input.some((text: string) => text.length > 100);
      const body = isTooMuch
        ? { error: { message: 'input is too large' } }
        : { data: input.map((_: string, index: number) => ({ index, embedding: [index, 1] })) };
      response.writeHead(isTooMuch ? 413 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
    await using node = clientOf(server.url);
    const made = await perform(protocol, 'EMBEDDING', { node, input: { texts: numbered(10) } });
    expect(vectorsOf(made)).toHaveLength(10);
    expect(sizes).toEqual([10, 5, 2, 2, 2, 2, 2]);
    const texts = ['short', 'x'.repeat(101)];
    expect(await faultOf(perform(protocol, 'EMBEDDING', { node, input: { texts } }))).toMatchObject({
      side: 'task',
      code: 'NODE_REJECTED',
      message: 'the node refused the task: texts.1: input is too large',
    });
  });

  it.each([
    [422, { error: 'invalid input', error_type: 'Tokenizer' }, 'task'],
    [424, { error: 'CUDA error', error_type: 'Backend' }, 'node'],
    [429, { error: 'Model is overloaded', error_type: 'Overloaded' }, 'busy'],
    [500, { error: { message: 'input is too large to process', type: 'server_error' } }, 'task'],
  ] as const)('fail with %i by the fault of whom it says', async (status, body, side) => {
    await using server = await startNode((path, response) => {
      const isInfo = path === '/info';
      response.writeHead(isInfo ? 404 : status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isInfo ? {} : body));
    });
    await using node = clientOf(server.url);
    expect(await faultOf(perform(protocol, 'EMBEDDING', { node }))).toMatchObject({ side });
  });

  it.each([
    ['too few', { data: [{ index: 0, embedding: [1, 2] }] }],
    ['of different lengths', { data: [0, 1].map((n) => ({ index: n, embedding: Array(n + 1).fill(1) })) }],
    ['of no numbers', { data: [0, 1].map((index) => ({ index, embedding: ['a'] })) }],
    ['of numbers that no float holds', { data: [0, 1].map((index) => ({ index, embedding: [1e300, 1] })) }],
    [
      'of NaN',
      { data: [0, 1].map((index) => ({ index, embedding: Buffer.alloc(8, 0xff).toString('base64') })) },
    ],
  ])('%s are no answer', async (_, body) => {
    await using server = await nodeAnswering(body);
    await using node = clientOf(server.url);
    expect(await faultOf(perform(protocol, 'EMBEDDING', { node }))).toMatchObject({
      side: 'node',
      code: 'BAD_NODE_ANSWER',
    });
  });

  it('may come in base64', async () => {
    const base64 = Buffer.from(Float32Array.of(0.5, -2).buffer).toString('base64');
    const data = [0, 1].map((index) => ({ index, embedding: base64 }));
    await using server = await nodeAnswering({ data });
    await using node = clientOf(server.url);
    const made = vectorsOf(await perform(protocol, 'EMBEDDING', { node }));
    expect(made.map((vector) => [...vector])).toEqual([
      [0.5, -2],
      [0.5, -2],
    ]);
  });
});

it('text-embeddings-inference is ready when it tells of itself, and names its model', async () => {
  await using simulator = await createSimulator({ protocol: 'OPENAI', textsAtOnce: 8 });
  await using node = clientOf(simulator.url);
  const signal = AbortSignal.timeout(5_000);
  const ready = { ready: true, models: ['simulated'], loadedModels: ['simulated'] };
  expect(await protocol.ready(node, signal)).toEqual(ready);
  simulator.set({ ready: false });
  expect(await protocol.ready(node, signal)).toMatchObject({ ready: false });
});
