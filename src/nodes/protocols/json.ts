import { z } from 'zod';
import type { KindName } from '../../kinds/index.ts';
import type { NodeAnswer } from './client.ts';
import type { Call, MadeByKind, MadeFile, NodeProtocol, Readiness } from './protocol.ts';
import { badAnswer } from './support/answer.ts';
import { audioFile } from './support/audio.ts';
import { customResult, madeFile } from './support/custom-result.ts';
import { picture } from './support/images.ts';
import { pictureAsBase64 } from './support/input-picture.ts';
import { isStream, jsonEvents } from './support/json-events.ts';
import { modelFiles } from './support/models.ts';
import { checkReadiness, notReady } from './support/readiness.ts';
import { errorText, failed, refusal } from './support/refusal.ts';
import { audioOf, transcriptOf } from './support/transcripts.ts';

const MAX_ANSWER_BYTES = 384 * 1024 * 1024;

const errorInside = z.looseObject({ error: z.union([z.string(), z.looseObject({ message: z.string() })]) });
const step = z.looseObject({
  progress: z.number().min(0).max(1).nullish(),
  message: z.string().nullish(),
});
const last = z.looseObject({ result: z.unknown() });
const seed = z.looseObject({ seed: z.number().int() });
const readiness = z.looseObject({
  ready: z.boolean().default(true),
  detail: z.string().optional(),
  models: z.array(z.string()).optional(),
  loadedModels: z.array(z.string()).optional(),
  idle: z.boolean().optional(),
});

/** What the model answered: `POST /run`, as `docs/json-protocol.md` has it. */
async function run(
  kind: KindName,
  call: Pick<Call<KindName>, 'node' | 'model' | 'attemptId' | 'signal' | 'progress'>,
  payload: unknown,
): Promise<MadeByKind['CUSTOM']> {
  let end: unknown;
  const events = jsonEvents(({ data }) => {
    if (last.safeParse(data).success || errorInside.safeParse(data).success) end = data;
    const told = step.safeParse(data);
    if (told.success) call.progress(told.data.progress ?? null, told.data.message ?? undefined);
  });
  const answer = await call.node.request({
    method: 'POST',
    path: '/run',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: call.attemptId, kind, type: call.model, payload }),
    signal: call.signal,
    maxBytes: MAX_ANSWER_BYTES,
    onData: events.onData,
  });
  if (answer.status !== 200) throw refusal(answer);
  if (!isStream(answer)) return resultOf(answer);
  events.end();
  const wrong = errorInside.safeParse(end);
  if (wrong.success) throw failed(messageOf(wrong.data.error));
  const done = last.safeParse(end);
  if (!done.success) throw badAnswer('ended without a result');
  return customResult(done.data.result);
}

function messageOf(error: z.infer<typeof errorInside>['error']): string {
  return typeof error === 'string' ? error : error.message;
}

/** JSON is a value, any other type a file. A web page is neither: some proxy answered in the model's place. */
async function resultOf(answer: NodeAnswer): Promise<MadeByKind['CUSTOM']> {
  const type = answer.headers['content-type'] ?? '';
  if (/^text\/html/i.test(type)) throw badAnswer('is a web page');
  if (!/^application\/([\w.-]+\+)?json\b/i.test(type)) {
    return { value: null, files: [await madeFile(answer.bytes, type)] };
  }
  const value = answer.json();
  if (errorInside.safeParse(value).success) throw failed(errorText(answer));
  return customResult(value);
}

async function textToImage(call: Call<'TEXT_TO_IMAGE'>): Promise<MadeByKind['TEXT_TO_IMAGE']> {
  const { value, files } = await run('TEXT_TO_IMAGE', call, call.input);
  if (files.length === 0) throw badAnswer('has no picture');
  const images = await Promise.all(files.map(({ bytes }) => picture(bytes)));
  const used = seed.safeParse(value);
  return { images, ...(used.success ? { seed: used.data.seed } : {}) };
}

async function speechToText(call: Call<'SPEECH_TO_TEXT'>): Promise<MadeByKind['SPEECH_TO_TEXT']> {
  const audio = audioOf(call.media);
  const { blob, mimeType } = await audioFile(audio);
  const base64 = Buffer.from(await blob.arrayBuffer()).toString('base64');
  const payload = { ...call.input, audio: `data:${mimeType};base64,${base64}` };
  const { value } = await run('SPEECH_TO_TEXT', call, payload);
  return transcriptOf(value, call.input, audio);
}

async function imageTo3d(call: Call<'IMAGE_TO_3D'>): Promise<MadeByKind['IMAGE_TO_3D']> {
  const image = `data:${call.media[0]?.mimeType};base64,${await pictureAsBase64(call.media)}`;
  const { files } = await run('IMAGE_TO_3D', call, { ...call.input, image });
  const isPicture = ({ mimeType }: MadeFile): boolean => mimeType.startsWith('image/');
  const models = await Promise.all(
    files.filter((file) => !isPicture(file)).map(({ bytes }) => modelFiles(bytes)),
  );
  if (models.length === 0) throw badAnswer('has no model');
  const preview = files.find(isPicture);
  return { files: models.flat(), ...(preview ? { preview } : {}) };
}

async function ready(node: Call<KindName>['node'], signal: AbortSignal): Promise<Readiness> {
  const answer = await node.request({ method: 'GET', path: '/ready', signal });
  if (answer.status !== 200) return notReady(errorText(answer) || `GET /ready answered ${answer.status}`);
  if (!/json/.test(answer.headers['content-type'] ?? '')) return { ready: true };
  const body = readiness.safeParse(answer.json());
  if (!body.success) return notReady('GET /ready answered something else than docs/json-protocol.md has');
  const { detail, models, loadedModels, idle } = body.data;
  return {
    ready: body.data.ready,
    ...(detail === undefined ? {} : { detail }),
    ...(models === undefined ? {} : { models }),
    ...(loadedModels === undefined ? {} : { loadedModels }),
    ...(idle === undefined ? {} : { idle }),
  };
}

/** Any model behind the simplest contract there is: see `docs/json-protocol.md`. */
export const json: NodeProtocol<'JSON'> = {
  name: 'JSON',
  description: 'Servers of your own: the input as a JSON body, answered with JSON or a file',
  stop: 'disconnect',
  run: {
    CUSTOM: (call) => run('CUSTOM', call, call.input.payload),
    TEXT_TO_IMAGE: textToImage,
    SPEECH_TO_TEXT: speechToText,
    IMAGE_TO_3D: imageTo3d,
  },
  ready: (node, signal) => checkReadiness(signal, () => ready(node, signal)),
};
