import { z } from 'zod';
import type { NodeAnswer } from './client.ts';
import type { Call, NodeProtocol } from './protocol.ts';
import { audioFile } from './support/audio.ts';
import { multipart } from './support/multipart.ts';
import { checkReadiness, notReady, READY } from './support/readiness.ts';
import { failed, refusal, rejected } from './support/refusal.ts';
import { audioOf, languageOf, transcriptOf } from './support/transcripts.ts';

const health = z.object({ status: z.string() });
const errorInside = z.object({ error: z.string() });

async function speechToText({ node, input, media, signal }: Call<'SPEECH_TO_TEXT'>) {
  const audio = audioOf(media);
  const form = multipart({
    file: await audioFile(audio),
    language: languageOf(input) ?? 'auto',
    prompt: input.prompt,
    response_format: input.timestamps ? 'verbose_json' : 'json',
    // Telling the languages' probabilities takes a second pass over the sound.
    no_language_probabilities: 'true',
  });
  const answer = await node.request({ method: 'POST', path: '/inference', body: form, signal });
  if (answer.status !== 200) throw refusal(answer);
  return transcriptOf(resultOf(answer), input, audio);
}

/** Sound that it can't read is an error inside a 200, and so is, in older builds, a model that failed on it. */
function resultOf(answer: NodeAnswer): unknown {
  const body = answer.json();
  const wrong = errorInside.safeParse(body);
  if (wrong.success) throw (/process/.test(wrong.data.error) ? failed : rejected)(wrong.data.error);
  return body;
}

/**
 * whisper.cpp's own server. It rewrites every 400 to the text "Invalid request", and every other error but
 * 500 to a 404 "File Not Found", also while it loads: a 404 is the node's fault and means not ready.
 */
export const whisperCpp: NodeProtocol<'WHISPER_CPP'> = {
  name: 'WHISPER_CPP',
  description: 'The server of whisper.cpp',
  stop: 'disconnect',
  run: { SPEECH_TO_TEXT: speechToText },
  ready: (node, signal) =>
    checkReadiness(signal, async () => {
      const answer = await node.request({ method: 'GET', path: '/health', signal });
      if (answer.status === 404 || answer.status === 503) return notReady('loading its model');
      if (answer.status !== 200) return notReady(`GET /health answered ${answer.status}`);
      const body = health.safeParse(answer.json());
      if (body.success && body.data.status === 'ok') return READY;
      return notReady(
        body.success ? `the node says "${body.data.status}"` : 'GET /health answered no status',
      );
    }),
};
