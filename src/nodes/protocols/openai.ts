import { z } from 'zod';
import type { NodeAnswer, NodeClient } from './client.ts';
import type { Call, MadeFile, NodeProtocol, Readiness } from './protocol.ts';
import { badAnswer } from './support/answer.ts';
import { audioFile } from './support/audio.ts';
import { picture, pictureFromBase64 } from './support/images.ts';
import { multipart } from './support/multipart.ts';
import { modelsIn, runningIn } from './support/openai-models.ts';
import { checkReadiness, notReady, READY } from './support/readiness.ts';
import { errorText, failed, refusal } from './support/refusal.ts';
import { audioOf, languageOf, transcriptOf } from './support/transcripts.ts';

const DEFAULT_SIDE = 1024;
const MAX_PICTURE_BYTES = 128 * 1024 * 1024;
// Base64 of several pictures; a longer string than this V8 can't hold.
const MAX_PICTURES_BYTES = 384 * 1024 * 1024;

const images = z.object({
  data: z.array(z.object({ b64_json: z.string().nullish(), url: z.string().nullish() })).min(1),
});
const UNWELL = /^(starting|loading|initiali[sz]ing|unhealthy|unavailable|error|failed|not.?ready)/i;
const errorInside = z.object({ error: z.union([z.string().min(1), z.object({ message: z.string() })]) });
const unwell = z.object({ status: z.string().regex(UNWELL) });

/** Users' URLs often end in `/v1`, as OpenAI's clients want them. */
function api(node: NodeClient, path: string): string {
  return /\/v1\/*$/.test(node.url.pathname) ? path : `/v1${path}`;
}

async function textToImage({ node, model, input, signal }: Call<'TEXT_TO_IMAGE'>) {
  const { width, height, seed, count } = input;
  const body = {
    model,
    prompt: withoutExtraArguments(input.prompt),
    n: count,
    size: width || height ? `${width ?? DEFAULT_SIDE}x${height ?? DEFAULT_SIDE}` : undefined,
    // OpenAI's newer models answer base64 unasked, and refuse to be asked.
    response_format: /^(chat)?gpt-/.test(model) ? undefined : 'b64_json',
    // Beyond OpenAI's own: vLLM-Omni and SGLang take these.
    negative_prompt: input.negativePrompt,
    num_inference_steps: input.steps,
    guidance_scale: input.guidanceScale,
    seed,
  };
  const answer = await node.request({
    method: 'POST',
    path: api(node, '/images/generations'),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
    maxBytes: MAX_PICTURES_BYTES,
  });
  return { images: await picturesOf(answer, node, count, signal), ...(seed === undefined ? {} : { seed }) };
}

/** sd-server reads its own settings out of the prompt: not the caller's to give, however they are wrapped. */
function withoutExtraArguments(prompt: string): string {
  const stripped = prompt.replace(
    /<sd_cpp_extra_args>[\s\S]*?<\/sd_cpp_extra_args>|<\/?sd_cpp_extra_args>/gi,
    '',
  );
  return stripped === prompt ? prompt : withoutExtraArguments(stripped.trim());
}

async function picturesOf(answer: NodeAnswer, node: NodeClient, count: number, signal: AbortSignal) {
  const made: MadeFile[] = [];
  for (const { b64_json, url } of resultOf(answer, images).data.slice(0, count)) {
    if (b64_json) made.push(await pictureFromBase64(b64_json));
    else if (url) made.push(await pictureFrom(url, node, signal));
    else throw badAnswer('holds neither b64_json nor url');
  }
  return made;
}

async function pictureFrom(text: string, node: NodeClient, signal: AbortSignal): Promise<MadeFile> {
  if (text.startsWith('data:')) return pictureFromBase64(text);
  // Relative ones are seen too.
  const url = URL.parse(text, node.url);
  if (url === null || !/^https?:$/.test(url.protocol)) throw badAnswer('names a picture by no URL');
  const answer = await node.download(url, { signal, maxBytes: MAX_PICTURE_BYTES });
  if (answer.status !== 200) throw badAnswer(`names a picture that can't be had (${answer.status})`);
  return picture(answer.bytes);
}

async function speechToText({ node, model, input, media, signal }: Call<'SPEECH_TO_TEXT'>) {
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

/** The JSON of a good answer; an `error` inside a 200 is one all the same. */
function resultOf<T>(answer: NodeAnswer, shape: z.ZodType<T>): T {
  if (answer.status !== 200) throw refusal(answer);
  const body = answer.json();
  if (errorInside.safeParse(body).success) throw failed(errorText(answer));
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  throw badAnswer('is none of an OpenAI server');
}

/** The list of models, which all of them have, and `/health`, `/readyz` and `/api/ps` where the server has them. */
async function ready(node: NodeClient, signal: AbortSignal): Promise<Readiness> {
  const get = (path: string) => node.request({ method: 'GET', path, signal });
  const checks = ['/health', '/readyz'].map(async (path) => healthOf(path, await get(path)));
  const [models, loaded, ...own] = await Promise.all([
    get(api(node, '/models')).then(modelsIn),
    get('/api/ps').then(runningIn),
    ...checks,
  ]);
  const unready = own.find((readiness) => !readiness.ready);
  if (unready || !models.ready) return unready ?? models;
  return { ...models, ...(loaded ? { loadedModels: loaded } : {}) };
}

function healthOf(path: string, answer: NodeAnswer): Readiness {
  if (answer.status >= 500) return notReady(errorText(answer) || `GET ${path} answered ${answer.status}`);
  // Neither a server without this page (404 and the like) nor an empty or plain body says anything against it.
  if (answer.status !== 200 || !/json/.test(answer.headers['content-type'] ?? '')) return READY;
  const body = unwell.safeParse(answer.json());
  return body.success ? notReady(`the node says "${body.data.status}"`) : READY;
}

/**
 * Servers with OpenAI's API: vLLM, vLLM-Omni, SGLang, LocalAI, sd-server, llama.cpp, speaches and OpenAI
 * itself. Those that can stop do so when the connection closes.
 */
export const openai: NodeProtocol<'OPENAI'> = {
  name: 'OPENAI',
  description: 'Servers with the API of OpenAI: sd-server, LocalAI, speaches …',
  stop: 'disconnect',
  run: { TEXT_TO_IMAGE: textToImage, SPEECH_TO_TEXT: speechToText },
  ready: (node, signal) => checkReadiness(signal, () => ready(node, signal)),
};
