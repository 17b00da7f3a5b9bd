import { z } from 'zod';
import type { NodeAnswer, NodeClient } from './client.ts';
import type { NodeFault } from './fault.ts';
import type { Call, MadeFile, NodeProtocol, Readiness } from './protocol.ts';
import { badAnswer } from './support/answer.ts';
import { audioFile } from './support/audio.ts';
import { MAX_PICTURE_BYTES, MAX_PICTURES_BYTES, picture, pictureFromBase64 } from './support/images.ts';
import { multipart } from './support/multipart.ts';
import { localAiModelsIn, modelsIn, runningIn } from './support/openai-models.ts';
import { checkReadiness, notReady, READY } from './support/readiness.ts';
import { errorText, failed, rawText, refusal, rejected } from './support/refusal.ts';
import { audioOf, languageOf, transcriptOf } from './support/transcripts.ts';

const DEFAULT_SIDE = 1024;

const images = z.object({
  data: z.array(z.object({ b64_json: z.string().nullish(), url: z.string().nullish() })).min(1),
});
const UNWELL = /^(starting|loading|initiali[sz]ing|unhealthy|unavailable|error|failed|not.?ready)/i;
const errorInside = z.object({ error: z.union([z.string().min(1), z.object({ message: z.string() })]) });
const unwell = z.object({ status: z.string().regex(UNWELL) });

/** llama.cpp, sd-server and LocalAI answer 500 to what the caller got wrong, too. */
const CALLERS_MISTAKE =
  /\b(parse error|too (long|large)|exceeds? the|(is|are) not supported|unsupported|invalid (input|type|value|base64|image|audio|file|size|format|prompt|parameter|request))\b/i;
/** Some servers, and proxies, answer 500 over a code that tells better. */
const MISTAKEN_CODE = /"code"\s*:\s*4(00|13|15|22)\b/;
/** Whatever else such a text says, the machine is at fault. */
const MACHINE = /\b(cuda|hip|rocm|vulkan|metal|ggml|gpu|device|memory|alloc\w*|rpc|backend)\b/i;

/** Users' URLs often end in `/v1`, as OpenAI's clients want them. */
function api(node: NodeClient, path: string): string {
  return /\/v1\/*$/.test(node.url.pathname) ? path : `/v1${path}`;
}

async function textToImage({ node, model, input, signal }: Call<'TEXT_TO_IMAGE'>) {
  const { width, height, seed, count } = input;
  const body = {
    model,
    prompt: await promptOf(input, node, signal),
    n: count,
    size: width || height ? `${width ?? DEFAULT_SIDE}x${height ?? DEFAULT_SIDE}` : undefined,
    // OpenAI's newer models answer base64 unasked, and refuse to be asked.
    response_format: /^(chat)?gpt-/.test(model) ? undefined : 'b64_json',
    // Beyond OpenAI's own: vLLM-Omni and SGLang take these, and LocalAI takes `step`.
    negative_prompt: input.negativePrompt,
    num_inference_steps: input.steps,
    step: input.steps,
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

/** LocalAI takes the negative prompt behind a bar, so that no bar of the caller's may go there. */
async function promptOf(
  { prompt, negativePrompt }: Call<'TEXT_TO_IMAGE'>['input'],
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

function faultOf(answer: NodeAnswer): NodeFault {
  const text = errorText(answer);
  const isMistake =
    (CALLERS_MISTAKE.test(text) && !MACHINE.test(text)) || MISTAKEN_CODE.test(rawText(answer));
  return answer.status === 500 && isMistake ? rejected(text) : refusal(answer);
}

/** The JSON of a good answer; an `error` inside a 200 is one all the same. */
function resultOf<T>(answer: NodeAnswer, shape: z.ZodType<T>): T {
  if (answer.status !== 200) throw faultOf(answer);
  const body = answer.json();
  if (errorInside.safeParse(body).success) throw failed(errorText(answer));
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  throw badAnswer('is none of an OpenAI server');
}

/** The list of models, which all of them have, and `/health`, `/readyz`, `/api/ps` and `/system` where the server has them. */
async function ready(node: NodeClient, signal: AbortSignal): Promise<Readiness> {
  const get = (path: string) => node.request({ method: 'GET', path, signal });
  const checks = ['/health', '/readyz'].map(async (path) => healthOf(path, await get(path)));
  const [models, running, localAi, ...own] = await Promise.all([
    get(api(node, '/models')).then(modelsIn),
    get('/api/ps').then(runningIn),
    get('/system').then(localAiModelsIn),
    ...checks,
  ]);
  const unready = own.find((readiness) => !readiness.ready);
  if (unready || !models.ready) return unready ?? models;
  const loadedModels = running ?? localAi;
  return { ...models, ...(loadedModels ? { loadedModels } : {}) };
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
