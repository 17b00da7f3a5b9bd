import { z } from 'zod';
import type { NodeAnswer, NodeClient } from '../client.ts';
import type { Call, MadeByKind, MadeFile } from '../protocol.ts';
import { badAnswer } from '../support/answer.ts';
import { download } from '../support/download.ts';
import { MAX_PICTURE_BYTES, MAX_PICTURES_BYTES, picture, pictureFromBase64 } from '../support/images.ts';
import { pictureFile } from '../support/input-picture.ts';
import { multipart } from '../support/multipart.ts';
import { localAiModelsIn } from '../support/openai-models.ts';
import { api, resultOf } from './answer.ts';

type PictureCall = Call<'TEXT_TO_IMAGE' | 'IMAGE_TO_IMAGE'>;

const DEFAULT_SIDE = 1024;

const images = z.object({
  data: z.array(z.object({ b64_json: z.string().nullish(), url: z.string().nullish() })).min(1),
});

/** `POST /v1/images/generations` */
export async function textToImage(call: Call<'TEXT_TO_IMAGE'>): Promise<MadeByKind['TEXT_TO_IMAGE']> {
  const { node, signal } = call;
  const answer = await node.request({
    method: 'POST',
    path: api(node, '/images/generations'),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(await fieldsOf(call)),
    signal,
    maxBytes: MAX_PICTURES_BYTES,
  });
  return picturesOf(answer, call);
}

/** `POST /v1/images/edits` */
export async function imageToImage(call: Call<'IMAGE_TO_IMAGE'>): Promise<MadeByKind['IMAGE_TO_IMAGE']> {
  const { node, signal, media, input } = call;
  const fields = Object.entries({ ...(await fieldsOf(call)), strength: input.strength });
  const form = multipart({
    image: await pictureFile(media),
    ...Object.fromEntries(fields.map(([name, value]) => [name, value?.toString()])),
  });
  const answer = await node.request({
    method: 'POST',
    path: api(node, '/images/edits'),
    body: form,
    signal,
    maxBytes: MAX_PICTURES_BYTES,
  });
  return picturesOf(answer, call);
}

async function fieldsOf({ node, model, input, signal }: PictureCall) {
  const { width, height } = input;
  return {
    model,
    prompt: await promptOf(input, node, signal),
    n: input.count,
    size: width || height ? `${width ?? DEFAULT_SIDE}x${height ?? DEFAULT_SIDE}` : undefined,
    // OpenAI's newer models answer base64 unasked, and refuse to be asked.
    response_format: /^(chat)?gpt-/.test(model) ? undefined : 'b64_json',
    // Beyond OpenAI's own: vLLM-Omni and SGLang take these, and LocalAI takes `step`.
    negative_prompt: input.negativePrompt,
    num_inference_steps: input.steps,
    step: input.steps,
    guidance_scale: input.guidanceScale,
    seed: input.seed,
  };
}

/** LocalAI takes the negative prompt behind a bar, so that no bar of the caller's may go there. */
async function promptOf(
  { prompt, negativePrompt }: PictureCall['input'],
  node: NodeClient,
  signal: AbortSignal,
): Promise<string> {
  const own = withoutExtraArguments(prompt);
  if (negativePrompt === undefined && !own.includes('|')) return own;
  const system = await node.request({ method: 'GET', path: '/system', signal });
  if (localAiModelsIn(system) === undefined) return own;
  const parts = negativePrompt === undefined ? [own] : [own, negativePrompt];
  return parts.map((part) => part.replaceAll('|', ',')).join('|');
}

/** sd-server reads its own settings out of the prompt: not the caller's to give, however they are wrapped. */
function withoutExtraArguments(prompt: string): string {
  const stripped = prompt.replace(
    /<sd_cpp_extra_args>[\s\S]*?<\/sd_cpp_extra_args>|<\/?sd_cpp_extra_args>/gi,
    '',
  );
  return stripped === prompt ? prompt : withoutExtraArguments(stripped.trim());
}

async function picturesOf(answer: NodeAnswer, { node, input, signal }: PictureCall) {
  const made: MadeFile[] = [];
  for (const { b64_json, url } of resultOf(answer, images).data.slice(0, input.count)) {
    if (b64_json) made.push(await pictureFromBase64(b64_json));
    else if (url) made.push(await pictureFrom(url, node, signal));
    else throw badAnswer('holds neither b64_json nor url');
  }
  return { images: made, ...(input.seed === undefined ? {} : { seed: input.seed }) };
}

async function pictureFrom(text: string, node: NodeClient, signal: AbortSignal): Promise<MadeFile> {
  if (text.startsWith('data:')) return pictureFromBase64(text);
  const { bytes } = await download(node, text, { signal, maxBytes: MAX_PICTURE_BYTES });
  return picture(bytes);
}
