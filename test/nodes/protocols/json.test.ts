import { describe, expect, it } from 'vitest';
import { createSimulator } from '../../../simulator/index.ts';
import { protocols } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, perform, type Report } from './calls.ts';
import { nodeAnswering, startNode } from './node.ts';

const protocol = protocols.JSON;
const NDJSON = { 'content-type': 'application/x-ndjson' };

async function answered(body: unknown, headers: Record<string, string> = {}, reports: Report[] = []) {
  await using server = await nodeAnswering(body, 200, headers);
  await using node = clientOf(server.url);
  return await perform(protocol, 'CUSTOM', { node, reports });
}

describe('a model behind the protocol json', () => {
  it('gets the id of the attempt, the kind, the type and the payload', async () => {
    await using server = await nodeAnswering({});
    await using node = clientOf(server.url);
    await perform(protocol, 'CUSTOM', { node, model: 'upscale', input: { payload: { scale: 2 } } });
    expect(server.asked.map(({ path, body }) => [path, JSON.parse(String(body))])).toEqual([
      [
        '/run',
        { id: expect.stringMatching(/^[-\w]{36}$/), kind: 'CUSTOM', type: 'upscale', payload: { scale: 2 } },
      ],
    ]);
  });

  it('gets a file as a data URL', async () => {
    await using simulator = await createSimulator({ protocol: 'JSON' });
    await using node = clientOf(simulator.url);
    const made = await perform(protocol, 'SPEECH_TO_TEXT', { node, input: { timestamps: true } });
    expect(made).toMatchObject({ text: 'go forward ten meters', segments: [{ startSeconds: 0 }] });
  });

  it('makes as many pictures as were asked for, and says of which seed', async () => {
    await using simulator = await createSimulator({ protocol: 'JSON', side: 16 });
    await using node = clientOf(simulator.url);
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { node, input: { count: 2, seed: 7 } });
    expect(made).toMatchObject({ seed: 7, images: [{ mimeType: 'image/png' }, { mimeType: 'image/png' }] });
  });

  it('answers a value, a file, or both', async () => {
    const text = Buffer.from('a,b');
    expect(await answered({ words: 3 })).toEqual({ value: { words: 3 }, files: [] });
    expect(await answered('a,b', { 'content-type': 'text/csv; charset=utf-8' })).toEqual({
      value: null,
      files: [{ mimeType: 'text/csv', bytes: text }],
    });
    expect(await answered({ table: 'data:text/csv;base64,YSxi', rows: 1 })).toEqual({
      value: { table: { file: 0 }, rows: 1 },
      files: [{ mimeType: 'text/csv', bytes: text }],
    });
  });

  it('keeps out of a value what no table could hold', async () => {
    expect(await answered({ text: 'a\u0000b\ud800' })).toEqual({
      value: { text: 'a\ufffdb\ufffd' },
      files: [],
    });
  });

  it('tells its progress line by line, or as events, and ends with the result', async () => {
    const reports: Report[] = [];
    const lines = ['{"progress":0.5,"message":"half"}', '{"result":{"words":3}}'];
    expect(await answered(lines.join('\n'), NDJSON, reports)).toEqual({ value: { words: 3 }, files: [] });
    expect(reports).toContainEqual({ value: 0.5, message: 'half' });
    const events = lines.map((line) => `event: x\ndata: ${line}\n\n`).join(': a comment\n');
    const headers = { 'content-type': 'text/event-stream' };
    expect(await answered(events, headers)).toEqual({ value: { words: 3 }, files: [] });
  });

  it('reads what comes in pieces, in the middle of a character too', async () => {
    const bytes = Buffer.from('{"progress":0.1}\n{"result":"größer"}\n');
    await using server = await startNode(async (_, response) => {
      response.writeHead(200, NDJSON);
      for (const byte of bytes) response.write(Buffer.of(byte));
      response.end();
    });
    await using node = clientOf(server.url);
    expect(await perform(protocol, 'CUSTOM', { node })).toEqual({ value: 'größer', files: [] });
  });
});

describe('what a model behind the protocol json does wrong', () => {
  it.each([
    ['a stream without a result', '{"progress":1}', NDJSON, 'BAD_NODE_ANSWER'],
    ['a stream of something else', 'hello', NDJSON, 'BAD_NODE_ANSWER'],
    ['an error at the end of a stream', '{"error":"no GPU"}', NDJSON, 'NODE_ERROR'],
    ['a value nested without end', `${'['.repeat(200)}${']'.repeat(200)}`, {}, 'BAD_NODE_ANSWER'],
    ['an empty answer', '', { 'content-type': 'image/png' }, 'BAD_NODE_ANSWER'],
  ])('%s', async (_, body, headers, code) => {
    const type = Object.keys(headers).length === 0 ? { 'content-type': 'application/json' } : headers;
    expect(await faultOf(answered(body, type as Record<string, string>))).toMatchObject({
      side: 'node',
      code,
    });
  });
});

describe('the readiness of a node that speaks json', () => {
  it.each([
    [
      200,
      { ready: true, idle: false, models: ['a'], loadedModels: [] },
      { ready: true, idle: false, models: ['a'], loadedModels: [] },
    ],
    [200, {}, { ready: true }],
    [200, 'OK', { ready: true }],
    [200, { ready: false, detail: 'loading' }, { ready: false, detail: 'loading' }],
    [503, { error: { message: 'loading' } }, { ready: false, detail: 'loading' }],
    [404, '', { ready: false, detail: 'GET /ready answered 404' }],
  ])('is read from %i %j', async (status, body, readiness) => {
    await using server = await nodeAnswering(body, status);
    await using node = clientOf(server.url);
    expect(await protocol.ready(node, AbortSignal.timeout(5_000))).toEqual(readiness);
  });
});
