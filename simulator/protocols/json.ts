import { embed } from '../embedder.ts';
import type { Job } from '../jobs.ts';
import { dataUrl, runModel } from '../models.ts';
import { drawPicture, editPicture } from '../picture.ts';
import { drawModel, type ModelFormat } from '../relief.ts';
import type { SimulatorSettings } from '../settings.ts';
import { hear, readWav, secondsOf } from '../speech.ts';
import { writeText } from '../writer.ts';
import { share } from './pictures.ts';
import {
  type Answer,
  json as answer,
  fields,
  integer,
  type Request,
  type SimulatedProtocol,
  type Work,
} from './protocol.ts';

type Payload = Readonly<Record<string, unknown>>;

async function run(request: Request, settings: SimulatorSettings): Promise<Work | Answer> {
  const { id, kind, type, payload } = fields(request);
  if (typeof payload !== 'object' || payload === null) return wrong('payload: must be an object');
  const input = { ...payload };
  if (kind === 'TEXT_TO_IMAGE') return draw(input, settings);
  if (kind === 'SPEECH_TO_TEXT') return transcribe(input);
  if (kind === 'IMAGE_TO_3D') return shape(input);
  if (kind === 'IMAGE_TO_IMAGE') return edit(input);
  if (kind === 'TEXT_GENERATION') return write(input);
  if (kind === 'EMBEDDING') return place(input);
  return {
    job: String(id),
    input,
    units: 1,
    ...(type === 'picture' ? {} : { steps: 4, told }),
    make: async () => {
      const made = await runModel(String(type), input, settings);
      if ('value' in made) return line({ result: made.value });
      return { status: 200, type: made.type, body: made.file };
    },
  };
}

function draw(input: Payload, { side }: SimulatorSettings): Work {
  const [width, height] = [integer(input.width, side), integer(input.height, side)];
  const seed = integer(input.seed, 0);
  const count = integer(input.count, 1);
  return {
    input,
    units: ((width * height) / 1_000_000) * integer(input.steps, 20) * count,
    make: async () => {
      const images: string[] = [];
      for (let n = 0; n < count; n++) {
        const picture = { prompt: String(input.prompt), seed: seed + n, width, height };
        images.push(dataUrl(await drawPicture(picture), 'image/png'));
      }
      return answer(200, { images, seed });
    },
  };
}

function edit({ image, ...input }: Payload): Work {
  const { width, height } = input;
  const seed = integer(input.seed, 0);
  const request = {
    picture: bytesOf(image),
    prompt: String(input.prompt),
    strength: share(input.strength),
    ...(typeof width === 'number' && typeof height === 'number' ? { width, height } : {}),
  };
  const count = integer(input.count, 1);
  return {
    input,
    units: integer(input.steps, 20) * count,
    make: async () => {
      const images = Array.from({ length: count }, (_, n) => editPicture({ ...request, seed: seed + n }));
      return answer(
        200,
        (await Promise.all(images)).map((picture) => dataUrl(picture, 'image/png')),
      );
    },
  };
}

function write(input: Payload): Work {
  const messages = Array.isArray(input.messages) ? input.messages : [];
  const prompt = String(input.prompt ?? Object(messages.at(-1)).content);
  const limit = typeof input.maxTokens === 'number' ? { maxTokens: input.maxTokens } : {};
  const pieces = writeText({ prompt, seed: integer(input.seed, 0), ...limit });
  const result = { text: pieces.join(''), completionTokens: pieces.length };
  return {
    input,
    units: pieces.length,
    steps: pieces.length,
    told: ({ step }) => line({ delta: pieces[step - 1] ?? '' }),
    make: async () => line({ result }),
  };
}

function place(input: Payload): Work | Answer {
  const { texts } = input;
  if (!Array.isArray(texts)) return wrong('payload.texts: must be an array');
  return {
    input,
    units: texts.length,
    make: async () => answer(200, { vectors: texts.map((text) => embed(String(text))) }),
  };
}

function shape({ image, ...input }: Payload): Work {
  const picture = bytesOf(image);
  const texture = input.texture === true;
  const format: ModelFormat = input.format === 'OBJ' ? 'obj' : input.format === 'STL' ? 'stl' : 'glb';
  return {
    input,
    units: texture ? 3 : 1,
    make: async () => ({
      status: 200,
      type: 'application/octet-stream',
      body: await drawModel(format, { picture, texture, seed: integer(input.seed, 0) }),
    }),
  };
}

function transcribe({ audio, ...input }: Payload): Work | Answer {
  const sound = readWav(bytesOf(audio));
  if (sound === null) return wrong('payload.audio: cannot be decoded');
  const [text, seconds] = [hear(sound), secondsOf(sound)];
  const segments = [{ start: 0, end: seconds, text }];
  return { input, units: seconds, make: async () => answer(200, { text, language: 'en', segments }) };
}

function told({ step, steps }: Job): Answer {
  return line({ progress: step / steps, message: `step ${step} of ${steps}` });
}

function bytesOf(dataUrl: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(String(dataUrl).replace(/^.*,/, ''), 'base64'));
}

function line(data: unknown): Answer {
  return { status: 200, type: 'application/x-ndjson', body: `${JSON.stringify(data)}\n` };
}

function wrong(message: string): Answer {
  return answer(400, { error: { message } });
}

export const json: SimulatedProtocol = {
  stopsOnDisconnect: true,
  work: (request, settings) => (request.route === 'POST /run' ? run(request, settings) : null),
  page: ({ route }, { ready }, jobs) => {
    if (route !== 'GET /ready') return null;
    return ready
      ? answer(200, { ready, idle: jobs.working.length === 0 })
      : answer(503, { error: { message: 'the model is loading' } });
  },
  says: {
    full: answer(429, { error: { message: 'all slots are taken' } }, { 'retry-after': '1' }),
    failed: answer(500, { error: { message: 'CUDA error: out of memory' } }),
    loading: answer(503, { error: { message: 'the model is loading' } }),
    errorInside: answer(200, { error: { message: 'CUDA error: out of memory' } }),
    notFound: () => answer(404, { error: { message: 'there is no such page' } }),
  },
};
