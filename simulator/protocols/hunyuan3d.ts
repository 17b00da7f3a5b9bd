import { randomUUID } from 'node:crypto';
import type { Jobs } from '../jobs.ts';
import { drawModel, type ModelFormat } from '../relief.ts';
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

/** Calls that are answered with the file itself: nothing else is, meanwhile. */
const BLOCKING = 'generate-';

const types: Readonly<Record<ModelFormat, string>> = {
  glb: 'model/gltf-binary',
  obj: 'application/octet-stream',
  stl: 'application/octet-stream',
};

const networkError = json(404, {
  text: '**NETWORK ERROR DUE TO HIGH TRAFFIC. PLEASE REGENERATE OR REFRESH THIS PAGE.**',
  error_code: 1,
});

function workOf(request: Request): Work | Answer {
  const { image, ...input } = fields(request);
  if (typeof image !== 'string') {
    return json(422, { detail: [{ loc: ['body', 'image'], msg: 'Field required' }] });
  }
  const picture = Buffer.from(image, 'base64');
  const texture = input.texture === true;
  const type = input.type ?? 'glb';
  const format = type === 'obj' || type === 'stl' ? type : 'glb';
  return {
    input: { ...input, bytes: picture.length },
    units: texture ? 3 : 1,
    make: async () => ({
      status: 200,
      type: types[format],
      body: await drawModel(format, { picture, texture, seed: integer(input.seed, 1234) }),
    }),
  };
}

async function generate(request: Request): Promise<Work | Answer> {
  const work = workOf(request);
  if (!('make' in work)) return work;
  return { ...work, job: `${BLOCKING}${randomUUID()}`, make: () => work.make().catch(() => networkError) };
}

async function send(request: Request): Promise<Work | Answer> {
  const work = workOf(request);
  if (!('make' in work)) return work;
  return { ...work, job: randomUUID(), accepted: ({ id }) => json(200, { uid: id }) };
}

/** Whether the file is there is all that it looks at: of what failed, or was never sent, it says the same. */
function status(uid: string, jobs: Jobs): Answer {
  const job = jobs.get(uid);
  if (job?.state !== 'done' || job.result === null) return json(200, { status: 'processing' });
  return json(200, { status: 'completed', model_base64: Buffer.from(job.result.body).toString('base64') });
}

export const hunyuan3d: SimulatedProtocol = {
  stopsOnDisconnect: false,
  work: (request) => {
    if (request.route === 'POST /send') return send(request);
    return request.route === 'POST /generate' ? generate(request) : null;
  },
  page: async ({ route, url }, { ready }, jobs) => {
    // Its one thread is at work.
    await Promise.all(jobs.working.filter(({ id }) => id.startsWith(BLOCKING)).map(({ over }) => over));
    if (route === 'GET /health') {
      return ready
        ? json(200, { status: 'healthy', worker_id: 'simulated' })
        : text(503, 'loading the model');
    }
    const uid = route.startsWith('GET ') ? /^\/status\/([\w-]+)$/.exec(url.pathname)?.[1] : undefined;
    return uid === undefined ? null : status(uid, jobs);
  },
  says: {
    // It never is: it takes jobs without limit. A proxy before it may say so.
    full: json(503, { detail: 'the server is busy' }, { 'retry-after': '1' }),
    failed: networkError,
    loading: text(503, 'loading the model'),
    errorInside: json(200, { error: 'CUDA error: out of memory' }),
    notFound: () => json(404, { detail: 'Not Found' }),
  },
};
