import { drawPicture } from '../picture.ts';
import type { SimulatorSettings } from '../settings.ts';
import {
  type Answer,
  fields,
  integer,
  json,
  type Request,
  type SimulatedProtocol,
  text,
  type Work,
} from './protocol.ts';

/** Takes no seed: one prompt, with its negative prompt and steps, gives one picture. */
async function generate(request: Request, { side }: SimulatorSettings): Promise<Work | Answer> {
  const input = fields(request);
  const { prompt, negative_prompt: negative = '' } = input;
  if (typeof prompt !== 'string' || prompt === '') return text(400, 'prompt is required');
  const steps = integer(input.num_inference_steps, 20);
  const picture = {
    prompt: negative === '' ? prompt : `${prompt}\n${negative}`,
    seed: steps,
    width: side,
    height: side,
  };
  return {
    input,
    units: ((side * side) / 1_000_000) * steps,
    make: async () => ({ status: 200, type: 'image/png', body: await drawPicture(picture) }),
  };
}

export const qwenImageGguf: SimulatedProtocol = {
  stopsOnDisconnect: false,
  work: (request, settings) => (request.route === 'POST /generate' ? generate(request, settings) : null),
  page: ({ route }, { ready }) =>
    route === 'GET /ping'
      ? json(200, { message: ready ? 'pong' : 'loading the model', status: ready ? 'ready' : 'loading' })
      : null,
  says: {
    full: json(503, { detail: 'the server is busy' }, { 'retry-after': '1' }),
    failed: text(500, 'CUDA error: out of memory'),
    loading: text(503, 'the model is loading'),
    errorInside: json(200, { error: 'CUDA error: out of memory' }),
    notFound: () => json(404, { detail: 'Not Found' }),
  },
};
