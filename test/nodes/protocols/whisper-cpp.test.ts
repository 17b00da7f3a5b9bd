import { describe, expect, it } from 'vitest';
import { createSimulator, speakPcm } from '../../../simulator/index.ts';
import { protocols } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, mediaOf, perform } from './calls.ts';
import { nodeAnswering } from './node.ts';

const protocol = protocols.WHISPER_CPP;

describe('whisper-cpp', () => {
  it('sends samples as a WAV file', async () => {
    await using simulator = await createSimulator({ protocol: 'WHISPER_CPP' });
    await using node = clientOf(simulator.url);
    const pcm = { sampleRate: 48_000, channels: 2 };
    const media = [mediaOf(speakPcm('hello', pcm), pcm)];
    const made = await perform(protocol, 'SPEECH_TO_TEXT', {
      node,
      media,
      input: { language: 'en-US', prompt: 'Names' },
    });
    expect(made).toEqual({ text: 'hello', durationSeconds: 1, segments: [] });
    expect(simulator.history[0]?.input).toEqual({
      file: 'speech.wav',
      language: 'en',
      prompt: 'Names',
      response_format: 'json',
      no_language_probabilities: 'true',
    });
  });

  it('asks for segments only where timestamps are wanted', async () => {
    await using simulator = await createSimulator({ protocol: 'WHISPER_CPP' });
    await using node = clientOf(simulator.url);
    const made = await perform(protocol, 'SPEECH_TO_TEXT', { node, input: { timestamps: true } });
    expect(made).toMatchObject({
      language: 'english',
      segments: [{ startSeconds: 0, text: 'go forward ten meters' }],
    });
    expect(simulator.history[0]?.input).toMatchObject({ response_format: 'verbose_json', language: 'auto' });
  });

  it('calls sound that it cannot read, told inside a 200, the fault of the task', async () => {
    await using simulator = await createSimulator({ protocol: 'WHISPER_CPP' });
    await using node = clientOf(simulator.url);
    const media = [mediaOf(Buffer.from('no sound at all'))];
    expect(await faultOf(perform(protocol, 'SPEECH_TO_TEXT', { node, media }))).toMatchObject({
      side: 'task',
      code: 'NODE_REJECTED',
      message: 'the node refused the task: failed to read audio data',
    });
  });

  it('takes the 404 of a server that loads for the fault of the node', async () => {
    await using server = await nodeAnswering('File Not Found (/inference)', 404);
    await using node = clientOf(server.url);
    const fault = await faultOf(perform(protocol, 'SPEECH_TO_TEXT', { node }));
    expect(fault).toMatchObject({ side: 'node', code: 'NODE_ERROR' });
    const detail = 'loading its model';
    expect(await protocol.ready(node, AbortSignal.timeout(5_000))).toEqual({ ready: false, detail });
  });
});
