import { describe, expect, it } from 'vitest';
import { createSimulator, speakPcm } from '../../../simulator/index.ts';
import { protocols } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, mediaOf, perform } from './calls.ts';
import { nodeAnswering } from './node.ts';

const protocol = protocols.FAST_WHISPER;

async function transcribeBy(body: unknown, input: { timestamps?: boolean } = {}) {
  await using server = await nodeAnswering(body);
  await using node = clientOf(server.url);
  return await perform(protocol, 'SPEECH_TO_TEXT', { node, input });
}

describe('fast-whisper', () => {
  it('sends a file as it is', async () => {
    await using simulator = await createSimulator({ protocol: 'FAST_WHISPER' });
    await using node = clientOf(simulator.url);
    await perform(protocol, 'SPEECH_TO_TEXT', { node });
    expect(simulator.history).toMatchObject([{ route: 'POST /api/v1/asr', input: { file: 'audio.wav' } }]);
  });

  it.each([
    [48_000, 2],
    [44_100, 1],
    [16_000, 1],
    [8_000, 1],
  ])('sends samples of %i Hz in %i channels as 16 kHz mono', async (sampleRate, channels) => {
    await using simulator = await createSimulator({ protocol: 'FAST_WHISPER' });
    await using node = clientOf(simulator.url);
    const pcm = { sampleRate, channels };
    const media = [mediaOf(speakPcm('turn on the kitchen lights, please', pcm), pcm)];
    const made = await perform(protocol, 'SPEECH_TO_TEXT', { node, media });
    expect(made.text).toBe('turn on the kitchen lights, please');
    expect(made.durationSeconds).toBeCloseTo(1.72);
    expect(simulator.history).toMatchObject([{ route: 'POST /api/v1/asr/pcm', input: { bytes: 55_040 } }]);
  });

  it('pads samples of less than a second, and tells their own length', async () => {
    await using simulator = await createSimulator({ protocol: 'FAST_WHISPER' });
    await using node = clientOf(simulator.url);
    const media = [mediaOf(Buffer.alloc(3_200), { sampleRate: 16_000, channels: 1 })];
    const made = await perform(protocol, 'SPEECH_TO_TEXT', { node, media });
    expect(made.durationSeconds).toBe(0.1);
    expect(simulator.history).toMatchObject([{ outcome: 'answered', input: { bytes: 32_000 } }]);
  });

  it('reads the text of older builds in data.text', async () => {
    expect(
      await transcribeBy({ code: 0, message: 'ok', data: { text: ' hello\n', language: 'de' } }),
    ).toEqual({
      text: 'hello',
      language: 'de',
      segments: [],
    });
  });

  it('takes text before data.text, even an empty one', async () => {
    expect(await transcribeBy({ code: 0, text: '', data: { text: 'no' } })).toMatchObject({ text: '' });
  });

  it('tells segments where timestamps were asked for', async () => {
    const body = { code: 0, text: 'a b', segments: [{ id: 1, start: 0, end: 1.5, text: ' a b ' }] };
    expect(await transcribeBy(body)).toMatchObject({ segments: [] });
    expect(await transcribeBy(body, { timestamps: true })).toMatchObject({
      segments: [{ startSeconds: 0, endSeconds: 1.5, text: 'a b' }],
    });
  });

  it('takes a code other than 0 inside a 200 for the error that it is', async () => {
    expect(await faultOf(transcribeBy({ code: 1, message: 'audio too short' }))).toMatchObject({
      side: 'task',
      code: 'NODE_REJECTED',
      message: 'the node refused the task: audio too short (code 1)',
    });
    expect(await faultOf(transcribeBy({ code: 500, message: 'out of memory' }))).toMatchObject({
      side: 'node',
      code: 'NODE_ERROR',
    });
  });

  it('keeps out of texts what PostgreSQL cannot store', async () => {
    const made = await transcribeBy({ code: 0, text: 'a\0b \ud800 c\n' });
    expect(made.text).toBe('a b \ufffd c');
    const { message } = await faultOf(transcribeBy({ code: 1, message: 'x\0y' }));
    expect(message).toBe('the node refused the task: x y (code 1)');
  });

  it('calls an answer without any text a bad one', async () => {
    const fault = await faultOf(transcribeBy({ code: 0, message: 'ok' }));
    expect(fault).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER' });
    expect(fault.message).toContain('text');
  });

  it('calls a file that is gone the fault of the input, before anything is sent', async () => {
    await using simulator = await createSimulator({ protocol: 'FAST_WHISPER' });
    await using node = clientOf(simulator.url);
    const media = [{ ...mediaOf(Buffer.alloc(0)), blob: () => Promise.reject(new Error('ENOENT')) }];
    const fault = await faultOf(perform(protocol, 'SPEECH_TO_TEXT', { node, media }));
    expect(fault).toMatchObject({ side: 'input', code: 'INPUT_UNAVAILABLE', sent: false });
    expect(simulator.history).toEqual([]);
  });
});
