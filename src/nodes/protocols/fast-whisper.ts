import { z } from 'zod';
import type { NodeAnswer } from './client.ts';
import type { Call, NodeProtocol } from './protocol.ts';
import { badAnswer } from './support/answer.ts';
import { audioFile, speechSamples } from './support/audio.ts';
import { multipart } from './support/multipart.ts';
import { checkReadiness, READY } from './support/readiness.ts';
import { failed, refusal, rejected } from './support/refusal.ts';
import { audioOf, transcriptOf } from './support/transcripts.ts';

const body = z.looseObject({
  /** 0 is success, whatever the HTTP status says. */
  code: z.coerce.number().default(0),
  message: z.string().nullish(),
  /** Of older builds. */
  data: z.looseObject({ text: z.string() }).nullish().catch(null),
  text: z.string().nullish(),
});

async function speechToText(call: Call<'SPEECH_TO_TEXT'>) {
  const audio = audioOf(call.media);
  const answer = audio.pcm === undefined ? await sendFile(call) : await sendSamples(call, audio.pcm);
  if (answer.status !== 200) throw refusal(answer);
  const parsed = body.safeParse(answer.json());
  if (!parsed.success) throw badAnswer('is none of a fast-whisper server');
  const { code, message, data, ...fields } = parsed.data;
  if (code !== 0) {
    const text = `${message ?? 'no message'} (code ${code})`;
    // Codes in the manner of HTTP, and negative ones, are failures of the server's own.
    throw code < 0 || code >= 500 ? failed(text) : rejected(text);
  }
  const found = typeof fields.text === 'string' ? fields : { ...fields, ...data };
  return transcriptOf(found, call.input, audio);
}

async function sendFile({ node, media, signal }: Call<'SPEECH_TO_TEXT'>): Promise<NodeAnswer> {
  const file = await audioFile(audioOf(media));
  return node.request({ method: 'POST', path: '/api/v1/asr', body: multipart({ file }), signal });
}

async function sendSamples(
  { node, media, signal }: Call<'SPEECH_TO_TEXT'>,
  pcm: { sampleRate: number; channels: number },
): Promise<NodeAnswer> {
  const samples = await speechSamples(audioOf(media), pcm);
  return node.request({
    method: 'POST',
    path: '/api/v1/asr/pcm',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength),
    signal,
  });
}

/** Speech servers around faster-whisper that answer `{code, message, text}`; no progress, no cancel. */
export const fastWhisper: NodeProtocol<'FAST_WHISPER'> = {
  name: 'FAST_WHISPER',
  description: 'Servers around faster-whisper that answer code, message and text',
  stop: 'none',
  run: { SPEECH_TO_TEXT: speechToText },
  // It has no health endpoint worth the name: that it listens is all there is to know.
  ready: (node, signal) =>
    checkReadiness(signal, async () => {
      await node.reach(signal);
      return READY;
    }),
};
