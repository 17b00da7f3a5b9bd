import type { WebSocket } from 'ws';
import type { Job, Jobs } from '../jobs.ts';
import { drawPicture } from '../picture.ts';
import type { SimulatorSettings } from '../settings.ts';
import { type Drawing, drawingIn, type Graph, type NodeErrors, UNNAMED } from './comfyui-graph.ts';
import { type Drawn, signedPicture } from './pictures.ts';
import {
  type Answer,
  fields,
  form,
  json,
  type Request,
  type SimulatedProtocol,
  text,
  type Work,
} from './protocol.ts';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const PREVIEW_SIDE = 32;
const ok = text(200, '');

function refused(type: string, message: string, errors: NodeErrors = {}): Answer {
  return json(400, { error: { type, message, details: '', extra_info: {} }, node_errors: errors });
}

async function prompt(request: Request, settings: SimulatorSettings, jobs: Jobs): Promise<Work | Answer> {
  const input = fields(request);
  const { prompt: graph, prompt_id: id = crypto.randomUUID(), client_id: client } = input;
  if (typeof graph !== 'object' || graph === null) return refused('no_prompt', 'No prompt provided');
  if (!UUID.test(String(id))) return refused('invalid_prompt_id', 'prompt_id must be a valid UUID');
  if (jobs.get(id)) return json(409, { error: { type: 'duplicate', message: 'prompt_id already exists' } });
  const { drawing, errors } = drawingIn(graph as Graph, settings);
  if (!drawing) {
    return refused('prompt_outputs_failed_validation', 'Prompt outputs failed validation', errors);
  }
  const { width, height, steps, count } = drawing;
  return {
    input: { ...drawing, client_id: client, prompt: graph },
    units: ((width * height) / 1_000_000) * steps * count,
    job: String(id),
    steps,
    accepted: (job) => json(200, { prompt_id: job.id, number: jobs.all.length, node_errors: {} }),
    make: async () => json(200, outputsOf(drawing, graph as Graph)),
  };
}

/** Drawn when they are looked at: the folder says it all. */
function outputsOf({ count, type, node, ...drawing }: Drawing, graph: Graph) {
  const images = Array.from({ length: count }, (_, index) => {
    const picture = { ...drawing, seed: drawing.seed + index };
    const subfolder = Buffer.from(JSON.stringify({ picture, graph })).toString('base64url');
    return { filename: `ComfyUI_${String(index + 1).padStart(5, '0')}_.png`, subfolder, type };
  });
  return { [node]: { images } };
}

async function upload(request: Request, jobs: Jobs): Promise<Answer> {
  const file = (await form(request))?.get('image');
  if (!(file instanceof File)) return text(400, '');
  jobs.uploads.set(file.name, new Uint8Array(await file.arrayBuffer()));
  return json(200, { name: file.name, subfolder: '', type: 'input' });
}

async function view({ url }: Request, jobs: Jobs): Promise<Answer> {
  const subfolder = url.searchParams.get('subfolder') ?? '';
  const said: unknown = JSON.parse(Buffer.from(subfolder, 'base64url').toString() || 'null');
  if (said === null) return text(404, '404: Not Found');
  const { picture, graph } = said as { picture: Omit<Drawn, 'from'> & { from?: string }; graph: Graph };
  const from = jobs.uploads.get(picture.from ?? '') ?? null;
  const body = await signedPicture({ ...picture, from }, 'prompt', JSON.stringify(graph));
  return { status: 200, type: 'image/png', body };
}

/** Its history has an entry for a job once that is no longer in the queue. */
function historyOf(job: Job | undefined): object {
  if (job?.endedAt == null) return {};
  const about = { prompt_id: job.id };
  const error = {
    node_type: 'KSampler',
    exception_type: 'torch.OutOfMemoryError',
    exception_message: 'Allocation on device failed',
  };
  const ends = {
    done: ['execution_success', about],
    failed: ['execution_error', { ...about, ...error }],
    canceled: ['execution_interrupted', { ...about, node_type: 'KSampler' }],
  };
  const isDone = job.state === 'done';
  const end = job.state === 'done' || job.state === 'failed' ? ends[job.state] : ends.canceled;
  const status = { status_str: isDone ? 'success' : 'error', completed: isDone };
  const messages = [['execution_start', about], end];
  const outputs = isDone ? JSON.parse(String(job.result?.body)) : {};
  return { [job.id]: { prompt: itemOf(job, 0), outputs, status: { ...status, messages } } };
}

const itemOf = ({ id, input }: Job, number: number) => [number, id, input.prompt, {}, []];

function stop(job: Job): void {
  const wasQueued = job.state === 'queued';
  job.stop();
  // It leaves no trace then.
  if (wasQueued) job.forget();
}

async function jobPage(request: Request, jobs: Jobs): Promise<Answer | null> {
  const id = /^POST \/api\/jobs\/([\w-]+)\/cancel$/.exec(request.route)?.[1];
  if (id === undefined) return null;
  const job = jobs.get(id);
  const isUnderWay = job !== undefined && job.endedAt === null;
  if (isUnderWay) stop(job);
  return json(200, { cancelled: isUnderWay });
}

function page(
  request: Request,
  settings: SimulatorSettings,
  jobs: Jobs,
): Promise<Answer | null> | Answer | null {
  if (!settings.ready) return loading;
  const id = /^GET \/history\/([\w-]+)$/.exec(request.route)?.[1];
  if (id !== undefined) return json(200, historyOf(jobs.get(id)));
  switch (request.route) {
    case 'GET /system_stats':
      return json(200, { system: { comfyui_version: 'simulated' }, devices: [] });
    case 'GET /prompt':
      return json(200, { exec_info: { queue_remaining: jobs.queued.length + jobs.working.length } });
    case 'GET /queue':
      return json(200, {
        queue_running: jobs.working.map(itemOf),
        queue_pending: jobs.queued.map(itemOf).reverse(),
      });
    case 'POST /queue': {
      const ids: readonly unknown[] = [fields(request).delete ?? []].flat();
      for (const job of jobs.queued) if (ids.includes(job.id)) stop(job);
      return ok;
    }
    case 'POST /interrupt': {
      const { prompt_id: wanted } = fields(request);
      for (const job of jobs.working) if (wanted === undefined || wanted === job.id) stop(job);
      return ok;
    }
    case 'GET /object_info/CheckpointLoaderSimple': {
      const files = (settings.models ?? [UNNAMED]).map((name) => `${name}.safetensors`);
      return json(200, { CheckpointLoaderSimple: { input: { required: { ckpt_name: [files, {}] } } } });
    }
    case 'GET /view':
      return view(request, jobs);
    case 'POST /upload/image':
      return upload(request, jobs);
    default:
      return jobPage(request, jobs);
  }
}

/** Tells a client of its own jobs, each step with a picture of how far it is. */
function speakOn(socket: WebSocket, client: string, jobs: Jobs): void {
  const tell = (type: string, data: object) => socket.send(JSON.stringify({ type, data }));
  let wantsMetadata = false;
  socket.on('message', (data) => {
    wantsMetadata = /"supports_preview_metadata":true/.test(String(data));
  });
  tell('status', { status: { exec_info: { queue_remaining: jobs.queued.length } }, sid: client });
  const deafen = jobs.listen((job) => {
    if (job.input.client_id !== client) return;
    for (const [type, data] of eventsOf(job)) tell(type, data);
    if (job.state === 'working' && job.step > 0) {
      previewOf(job, wantsMetadata).then(
        (preview) => socket.send(preview),
        () => undefined,
      );
    }
  });
  socket.once('close', deafen);
}

function eventsOf(job: Job): [string, object][] {
  const about = { prompt_id: job.id };
  const { sampler } = job.input;
  switch (job.state) {
    case 'queued':
      return [];
    case 'working':
      if (job.step > 0) return [['progress', { ...about, node: sampler, value: job.step, max: job.steps }]];
      return [
        ['execution_start', about],
        ['execution_cached', { ...about, nodes: [] }],
        ['executing', { ...about, node: sampler }],
      ];
    default: {
      const names = {
        done: 'execution_success',
        failed: 'execution_error',
        canceled: 'execution_interrupted',
      };
      return [
        [names[job.state], about],
        ['executing', { ...about, node: null }],
      ];
    }
  }
}

async function previewOf({ id, input, step }: Job, withMetadata: boolean): Promise<Buffer> {
  const side = { width: PREVIEW_SIDE, height: PREVIEW_SIDE };
  const picture = await drawPicture({
    prompt: String(input.prompt_text),
    seed: step,
    ...side,
    format: 'jpeg',
  });
  const word = (value: number) => Buffer.from([0, 0, value >> 8, value & 0xff]);
  if (!withMetadata) return Buffer.concat([word(1), word(1), picture]);
  const metadata = Buffer.from(JSON.stringify({ prompt_id: id, image_type: 'image/jpeg' }));
  return Buffer.concat([word(4), word(metadata.length), metadata, picture]);
}

/** What it says while it loads: it does not listen then, but a proxy before it does. */
const loading = text(503, 'the server is starting');

export const comfyui: SimulatedProtocol = {
  stopsOnDisconnect: false,
  work: (request, settings, jobs) =>
    request.route === 'POST /prompt' ? prompt(request, settings, jobs) : null,
  page,
  socket({ route, url }, jobs) {
    const client = url.searchParams.get('clientId');
    return route === 'GET /ws' && client !== null ? (socket) => speakOn(socket, client, jobs) : null;
  },
  says: {
    // Its queue has no bound. A proxy before it may say so.
    full: text(429, 'too many requests'),
    failed: text(500, '500 Internal Server Error'),
    loading,
    errorInside: json(200, {}),
    notFound: () => text(404, '404: Not Found'),
  },
};
