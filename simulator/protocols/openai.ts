import { drawPicture, editPicture, type PictureRequest } from '../picture.ts';
import type { SimulatorSettings } from '../settings.ts';
import { hear, readWav, samplesOf, secondsOf } from '../speech.ts';
import { chat, embeddings, teiEmbed, teiInfo, wrong } from './openai-texts.ts';
import { share } from './pictures.ts';
import {
  type Answer,
  fields,
  form,
  integer,
  json,
  type Request,
  type SimulatedProtocol,
  type Work,
} from './protocol.ts';

const MAX_COUNT = 10;

async function images(request: Request, { side }: SimulatorSettings): Promise<Work | Answer> {
  const input = fields(request);
  const { prompt, negative_prompt: negative = '', response_format: format } = input;
  if (typeof prompt !== 'string' || prompt === '') return wrong('prompt: Field required');
  const count = integer(input.n, 1);
  if (count < 1 || count > MAX_COUNT) return wrong(`n: must be from 1 to ${MAX_COUNT}`);
  const size = /^(\d{1,4})x(\d{1,4})$/.exec(String(input.size ?? `${side}x${side}`));
  if (size === null) return wrong('size: must be WIDTHxHEIGHT');
  const [width, height] = [Number(size[1]), Number(size[2])];
  const seed = integer(input.seed, 0);
  const wanted = Array.from(
    { length: count },
    (_, index): PictureRequest => ({ prompt: `${prompt}\n${negative}`, seed: seed + index, width, height }),
  );
  return {
    input,
    units: ((width * height) / 1_000_000) * integer(input.num_inference_steps, 20) * count,
    make: async () => {
      const data = await Promise.all(
        wanted.map((picture) => pictureIn(String(format ?? 'url'), picture, request.url)),
      );
      return json(200, { created: Math.floor(Date.now() / 1000), data });
    },
  };
}

async function pictureIn(format: string, picture: PictureRequest, here: URL) {
  if (format === 'b64_json') return { b64_json: (await drawPicture(picture)).toString('base64') };
  // Drawn when it is fetched: the address says it all.
  const name = Buffer.from(JSON.stringify(picture)).toString('base64url');
  return { url: new URL(`/generated-images/${name}.png`, here).href };
}

async function edits(request: Request): Promise<Work | Answer> {
  const asked = await form(request);
  const file = asked?.get('image') ?? asked?.get('image[]');
  if (!(file instanceof Blob)) return wrong('image: Field required');
  const input = Object.fromEntries([...(asked ?? [])].map(([name, value]) => [name, fieldOf(value)]));
  const { prompt } = input;
  if (!prompt) return wrong('prompt: Field required');
  const [, width, height] = /^(\d{1,4})x(\d{1,4})$/.exec(input.size ?? '') ?? [];
  const size = width === undefined ? {} : { width: Number(width), height: Number(height) };
  const picture = new Uint8Array(await file.arrayBuffer());
  const [count, seed] = [Number(input.n ?? 1), Number(input.seed ?? 0)];
  return {
    input,
    units: Number(input.num_inference_steps ?? 20) * count,
    make: async () => {
      const data = Array.from({ length: count }, async (_, index) => {
        const request = { picture, prompt, seed: seed + index, strength: share(input.strength), ...size };
        return { b64_json: (await editPicture(request)).toString('base64') };
      });
      return json(200, { created: Math.floor(Date.now() / 1000), data: await Promise.all(data) });
    },
  };
}

async function generatedImage({ url }: Request): Promise<Answer | null> {
  const name = /^\/generated-images\/([\w-]+)\.png$/.exec(url.pathname)?.[1];
  if (name === undefined) return null;
  const picture: PictureRequest = JSON.parse(Buffer.from(name, 'base64url').toString());
  return { status: 200, type: 'image/png', body: await drawPicture(picture) };
}

async function transcriptions(request: Request): Promise<Work | Answer> {
  const asked = await form(request);
  const file = asked?.get('file');
  if (!(file instanceof Blob)) return wrong('file: Field required');
  if (!asked?.get('model')) return wrong('model: Field required');
  const bytes = new Uint8Array(await file.arrayBuffer());
  const raw = /^audio\/(pcm|raw)$/.test(file.type);
  const sound = raw ? { samples: samplesOf(bytes), sampleRate: 16_000, channels: 1 } : readWav(bytes);
  if (sound === null) return json(415, { detail: 'Failed to decode audio' });
  const input = Object.fromEntries([...asked].map(([name, value]) => [name, fieldOf(value)]));
  const seconds = secondsOf(sound);
  return {
    input,
    units: seconds,
    make: async () => {
      const heard = hear(sound);
      if (input.response_format !== 'verbose_json') return json(200, { text: heard });
      const segments = [{ id: 0, seek: 0, start: 0, end: seconds, text: heard }];
      return json(200, { task: 'transcribe', language: 'english', duration: seconds, text: heard, segments });
    },
  };
}

function fieldOf(value: FormDataEntryValue): string {
  return typeof value === 'string' ? value : value.name;
}

function serverError(status: number, message: string, headers?: Record<string, string>): Answer {
  return json(status, { error: { message, type: 'server_error', code: status } }, headers);
}

export const openai: SimulatedProtocol = {
  stopsOnDisconnect: true,
  work: (request, settings) => {
    const { textsAtOnce } = settings;
    switch (request.route) {
      case 'POST /v1/images/generations':
        return images(request, settings);
      case 'POST /v1/images/edits':
        return edits(request);
      case 'POST /v1/audio/transcriptions':
        return transcriptions(request);
      case 'POST /v1/chat/completions':
        return chat(request);
      case 'POST /v1/embeddings':
        return embeddings(request);
      case 'POST /embed':
        return textsAtOnce === null ? null : teiEmbed(request, textsAtOnce);
      default:
        return null;
    }
  },
  page: (request, { ready, textsAtOnce }) => {
    const loading = serverError(503, 'Loading model');
    if (request.route === 'GET /health') return ready ? json(200, { status: 'ok' }) : loading;
    if (request.route === 'GET /info' && textsAtOnce !== null) return ready ? teiInfo(textsAtOnce) : loading;
    if (request.route === 'GET /v1/models' && textsAtOnce === null) {
      return ready ? json(200, { object: 'list', data: [{ id: 'simulated', object: 'model' }] }) : loading;
    }
    return generatedImage(request);
  },
  says: {
    full: serverError(429, 'the server is at capacity', { 'retry-after': '1' }),
    failed: serverError(500, 'CUDA error: out of memory'),
    loading: serverError(503, 'Loading model'),
    errorInside: json(200, { error: { message: 'CUDA error: out of memory' } }),
    notFound: () => json(404, { detail: 'Not Found' }),
  },
};
