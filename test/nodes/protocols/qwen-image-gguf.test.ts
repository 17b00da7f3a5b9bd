import { describe, expect, it } from 'vitest';
import { createSimulator } from '../../../simulator/index.ts';
import { protocols } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, perform, type Report } from './calls.ts';
import { nodeAnswering } from './node.ts';

const protocol = protocols.QWEN_IMAGE_GGUF;

describe('qwen-image-gguf', () => {
  it('sends prompt, negative prompt and steps, 20 where none are given', async () => {
    await using simulator = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', side: 64 });
    await using node = clientOf(simulator.url);
    const input = {
      prompt: 'a cat',
      negativePrompt: 'blurry',
      steps: 4,
      width: 640,
      seed: 7,
      guidanceScale: 3,
    };
    await perform(protocol, 'TEXT_TO_IMAGE', { node, input });
    await perform(protocol, 'TEXT_TO_IMAGE', { node, input: { prompt: 'a cat' } });
    expect(simulator.history.map((call) => call.input)).toEqual([
      { prompt: 'a cat', negative_prompt: 'blurry', num_inference_steps: 4 },
      { prompt: 'a cat', num_inference_steps: 20 },
    ]);
  });

  it('makes several pictures one after another and reports each', async () => {
    await using simulator = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', side: 64 });
    await using node = clientOf(simulator.url);
    const reports: Report[] = [];
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { node, input: { count: 4 }, reports });
    expect(made.images).toHaveLength(4);
    expect(reports).toEqual(
      [1, 2, 3, 4].map((done) => ({ value: done / 4, message: `${done} of 4 pictures` })),
    );
    expect(simulator.history.map((call) => call.inFlight)).toEqual([1, 1, 1, 1]);
  });

  it('reports nothing of a single picture, since the node tells nothing', async () => {
    await using simulator = await createSimulator({ protocol: 'QWEN_IMAGE_GGUF', side: 64 });
    await using node = clientOf(simulator.url);
    const reports: Report[] = [];
    await perform(protocol, 'TEXT_TO_IMAGE', { node, reports });
    expect(reports).toEqual([]);
  });

  it('takes the type of the picture from its bytes, whatever the node says', async () => {
    const gif = Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAA=', 'base64').toString('latin1');
    await using server = await nodeAnswering(gif, 200, { 'content-type': 'image/png' });
    await using node = clientOf(server.url);
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { node });
    expect(made.images).toMatchObject([{ mimeType: 'image/gif' }]);
  });

  it('tells the first 2,048 bytes of an error', async () => {
    await using server = await nodeAnswering(`CUDA out of memory ${'é'.repeat(5_000)}`, 500);
    await using node = clientOf(server.url);
    const { message } = await faultOf(perform(protocol, 'TEXT_TO_IMAGE', { node }));
    expect(message).toMatch(/^the node answered 500: CUDA out of memory é+$/);
    expect(Buffer.byteLength(message)).toBeLessThan(2_048 + 30);
  });

  it.each([
    [200, { message: 'pong', status: 'loading' }, 'the node says "loading"'],
    [200, { message: 'pong' }, 'GET /ping answered no status'],
    [500, { status: 'ready' }, 'GET /ping answered 500'],
    [200, 'ready', "the node's answer is no JSON"],
  ])('is not ready where ping answers %i %j', async (status, body, detail) => {
    await using server = await nodeAnswering(body, status);
    await using node = clientOf(server.url);
    expect(await protocol.ready(node, AbortSignal.timeout(5_000))).toEqual({ ready: false, detail });
  });
});
