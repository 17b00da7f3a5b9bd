import { z } from 'zod';
import type { Call, MadeByKind } from '../protocol.ts';
import { audioFile } from '../support/audio.ts';
import { multipart } from '../support/multipart.ts';
import { audioOf, languageOf, transcriptOf } from '../support/transcripts.ts';
import { api, resultOf } from './answer.ts';

/** `POST /v1/audio/transcriptions` */
export async function speechToText({
  node,
  model,
  input,
  media,
  signal,
}: Call<'SPEECH_TO_TEXT'>): Promise<MadeByKind['SPEECH_TO_TEXT']> {
  const audio = audioOf(media);
  const form = multipart({
    file: await audioFile(audio),
    model,
    language: languageOf(input),
    prompt: input.prompt,
    response_format: input.timestamps ? 'verbose_json' : 'json',
    'timestamp_granularities[]': input.timestamps ? ['segment'] : undefined,
  });
  const path = api(node, '/audio/transcriptions');
  const answer = await node.request({ method: 'POST', path, body: form, signal });
  return transcriptOf(resultOf(answer, z.unknown()), input, audio);
}
