import { z } from 'zod';
import type { KindName } from '../../kinds/index.ts';
import type { NodeAnswer } from './client.ts';
import type { Call, MadeByKind, MadeFile, NodeProtocol, Readiness } from './protocol.ts';
import { badAnswer, isJson } from './support/answer.ts';
import { audioFile } from './support/audio.ts';
import { customResult, madeFile } from './support/custom-result.ts';
import { picture } from './support/images.ts';
import { pictureAsDataUrl } from './support/input-picture.ts';
import { isStream, jsonEvents } from './support/json-events.ts';
import { modelFiles } from './support/models.ts';
import { checkReadiness, notReady } from './support/readiness.ts';
import { errorText, failed, refusal } from './support/refusal.ts';
import { storablePiece, storableText } from './support/text.ts';
import { audioOf, transcriptOf } from './support/transcripts.ts';
import { made } from './support/vectors.ts';

const MAX_ANSWER_BYTES = 384 * 1024 * 1024;

const errorInside = z.looseObject({ error: z.union([z.string(), z.looseObject({ message: z.string() })]) });
const step = z.looseObject({
  progress: z.number().min(0).max(1).nullish(),
  message: z.string().nullish(),
});
const last = z.looseObject({ result: z.unknown() });
const delta = z.looseObject({ delta: z.string() });
const tokens = z.number().int().nonnegative().optional();
const writtenText = z.union([
  z.string().transform((text) => ({ text, promptTokens: undefined, completionTokens: undefined })),
  z.looseObject({ text: z.string().optional(), promptTokens: tokens, completionTokens: tokens }),
]);
const listOfVectors = z.array(z.array(z.number()).min(1));
const vectors = z.union([
  listOfVectors,
  z.looseObject({ vectors: listOfVectors }).transform((body) => body.vectors),
]);
const seed = z.looseObject({ seed: z.number().int() });
const readiness = z.looseObject({
  ready: z.boolean().default(true),
  detail: z.string().optional(),
  models: z.array(z.string()).optional(),
  loadedModels: z.array(z.string()).optional(),
  idle: z.boolean().optional(),
});

type AnyCall = Pick<Call<KindName>, 'node' | 'model' | 'attemptId' | 'signal' | 'progress' | 'write'>;

/** What the model answered: JSON, or a file. */
type Ran = { readonly json: unknown; readonly written: string } | { readonly file: MadeFile };

/** `POST /run`, as `docs/json-protocol.md` has it. */
async function run(kind: KindName, call: AnyCall, payload: unknown): Promise<Ran> {
  let end: unknown;
  let written = '';
  const events = jsonEvents(({ data }) => {
    const piece = storablePiece(delta.safeParse(data).data?.delta ?? '');
    written += piece;
    if (piece !== '') call.write(piece);
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
  return { json: done.data.result, written };
}

/** The same, with the files that stand in JSON taken out of it. */
async function runForFiles(kind: KindName, call: AnyCall, payload: unknown): Promise<MadeByKind['CUSTOM']> {
  const ran = await run(kind, call, payload);
  return 'file' in ran ? { value: null, files: [ran.file] } : customResult(ran.json);
}

function messageOf(error: z.infer<typeof errorInside>['error']): string {
  return typeof error === 'string' ? error : error.message;
}

/** JSON is a value, any other type a file. A web page is neither: some proxy answered in the model's place. */
async function resultOf(answer: NodeAnswer): Promise<Ran> {
  const type = answer.headers['content-type'] ?? '';
  if (/^text\/html/i.test(type)) throw badAnswer('is a web page');
  if (!/^application\/([\w.-]+\+)?json\b/i.test(type)) {
    return { file: await madeFile(answer.bytes, type) };
  }
  const value = answer.json();
  if (errorInside.safeParse(value).success) throw failed(errorText(answer));
  return { json: value, written: '' };
}

async function pictures(
  kind: 'TEXT_TO_IMAGE' | 'IMAGE_TO_IMAGE',
  call: AnyCall,
  payload: unknown,
): Promise<MadeByKind['TEXT_TO_IMAGE']> {
  const { value, files } = await runForFiles(kind, call, payload);
  if (files.length === 0) throw badAnswer('has no picture');
  const images = await Promise.all(files.map(({ bytes }) => picture(bytes)));
  const used = seed.safeParse(value);
  return { images, ...(used.success ? { seed: used.data.seed } : {}) };
}

async function imageToImage(call: Call<'IMAGE_TO_IMAGE'>): Promise<MadeByKind['IMAGE_TO_IMAGE']> {
  const image = await pictureAsDataUrl(call.media);
  return pictures('IMAGE_TO_IMAGE', call, { ...call.input, image });
}

async function textGeneration(call: Call<'TEXT_GENERATION'>): Promise<MadeByKind['TEXT_GENERATION']> {
  const ran = await run('TEXT_GENERATION', call, call.input);
  if ('file' in ran) throw badAnswer('is a file where a text was due');
  const parsed = writtenText.safeParse(ran.json);
  if (!parsed.success) throw badAnswer('has no text');
  const { text = ran.written, promptTokens, completionTokens } = parsed.data;
  return {
    text: storableText(text),
    ...(promptTokens === undefined ? {} : { promptTokens }),
    ...(completionTokens === undefined ? {} : { completionTokens }),
  };
}

async function embedding(call: Call<'EMBEDDING'>): Promise<MadeByKind['EMBEDDING']> {
  const ran = await run('EMBEDDING', call, call.input);
  const parsed = vectors.safeParse('json' in ran ? ran.json : null);
  if (!parsed.success) throw badAnswer('has no vectors');
  if (parsed.data.length !== call.input.texts.length) {
    throw badAnswer(`has ${parsed.data.length} vectors where ${call.input.texts.length} were due`);
  }
  return made(parsed.data);
}

async function speechToText(call: Call<'SPEECH_TO_TEXT'>): Promise<MadeByKind['SPEECH_TO_TEXT']> {
  const audio = audioOf(call.media);
  const { blob, mimeType } = await audioFile(audio);
  const base64 = Buffer.from(await blob.arrayBuffer()).toString('base64');
  const payload = { ...call.input, audio: `data:${mimeType};base64,${base64}` };
  const { value } = await runForFiles('SPEECH_TO_TEXT', call, payload);
  return transcriptOf(value, call.input, audio);
}

async function imageTo3d(call: Call<'IMAGE_TO_3D'>): Promise<MadeByKind['IMAGE_TO_3D']> {
  const image = await pictureAsDataUrl(call.media);
  const { files } = await runForFiles('IMAGE_TO_3D', call, { ...call.input, image });
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
  if (!isJson(answer)) return { ready: true };
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
    CUSTOM: (call) => runForFiles('CUSTOM', call, call.input.payload),
    TEXT_TO_IMAGE: (call) => pictures('TEXT_TO_IMAGE', call, call.input),
    SPEECH_TO_TEXT: speechToText,
    IMAGE_TO_3D: imageTo3d,
    TEXT_GENERATION: textGeneration,
    EMBEDDING: embedding,
    IMAGE_TO_IMAGE: imageToImage,
  },
  ready: (node, signal) => checkReadiness(signal, () => ready(node, signal)),
};
