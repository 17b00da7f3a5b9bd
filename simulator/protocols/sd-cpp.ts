import { randomBytes } from 'node:crypto';
import type { Job, Jobs } from '../jobs.ts';
import type { SimulatorSettings } from '../settings.ts';
import { clampedSide, pictureOf, share, signedPicture } from './pictures.ts';
import {
  type Answer,
  fields,
  integer,
  json,
  type Request,
  type SimulatedProtocol,
  type Work,
} from './protocol.ts';

const MAX_PENDING = 64;
const MAX_COUNT = 8;
const DEFAULT_STEPS = 20;
const FAILURE = 'generate_image returned no results';

const seconds = (ms: number | null): number | null => (ms === null ? null : Math.floor(ms / 1000));

async function imgGen(request: Request, { side }: SimulatorSettings, jobs: Jobs): Promise<Work | Answer> {
  const input = fields(request);
  if (request.bytes.length === 0) return json(400, { error: 'empty body' });
  if (typeof input.prompt !== 'string') return json(400, { error: 'invalid generation parameters' });
  if (jobs.queued.length + jobs.working.length >= MAX_PENDING)
    return json(429, { error: 'job queue is full' });
  const { prompt, negative_prompt: negative = '', sample_params: sampling } = input;
  // Bad sizes and counts are not refused but bent.
  const [width, height] = [clampedSide(input.width, side), clampedSide(input.height, side)];
  const count = Math.min(MAX_COUNT, Math.max(1, integer(input.batch_count, 1)));
  const steps = integer(Object(sampling).sample_steps, DEFAULT_STEPS);
  const seed = Math.max(0, integer(input.seed, 42));
  const draw = async (index: number) => {
    const begun = { from: pictureOf(input.init_image), strength: share(input.strength) };
    const picture = { prompt: `${prompt}\n${negative}`, seed: seed + index, width, height, ...begun };
    const text = `${prompt}\nSteps: ${steps}, Seed: ${seed + index}, Version: stable-diffusion.cpp`;
    return { index, b64_json: (await signedPicture(picture, 'parameters', text)).toString('base64') };
  };
  return {
    input,
    units: ((width * height) / 1_000_000) * steps * count,
    job: `job_${Date.now().toString(16)}_${randomBytes(4).toString('hex')}`,
    steps,
    accepted: (job) => {
      const { id, createdAt } = job;
      const poll = `/sdcpp/v1/jobs/${id}`;
      return json(202, {
        id,
        kind: 'img_gen',
        status: 'queued',
        created: seconds(createdAt),
        poll_url: poll,
      });
    },
    make: async () => {
      const images = await Promise.all(Array.from({ length: count }, (_, index) => draw(index)));
      return json(200, { output_format: 'png', images });
    },
  };
}

function jobPage(job: Job, jobs: Jobs): Answer {
  const names = {
    queued: 'queued',
    working: 'generating',
    done: 'completed',
    failed: 'failed',
    canceled: 'cancelled',
  };
  const error = {
    failed: { code: 'generation_failed', message: FAILURE },
    canceled: { code: 'cancelled', message: 'job cancelled by client' },
  };
  return json(200, {
    id: job.id,
    kind: 'img_gen',
    status: names[job.state],
    created: seconds(job.createdAt),
    started: seconds(job.startedAt),
    completed: seconds(job.endedAt),
    queue_position: jobs.queued.indexOf(job) + 1,
    result: job.state === 'done' ? JSON.parse(String(job.result?.body)) : null,
    error: job.state === 'failed' || job.state === 'canceled' ? error[job.state] : null,
  });
}

async function cancelPage(job: Job, jobs: Jobs): Promise<Answer> {
  if (job.state === 'working') {
    return json(409, { error: 'job is currently generating and cannot be interrupted yet' });
  }
  if (job.state === 'queued') {
    job.stop();
    await job.over;
  }
  return jobPage(job, jobs);
}

function jobsPage({ route }: Request, { keepsJobsMs }: SimulatorSettings, jobs: Jobs) {
  const [, method, id, action] = /^(\w+) \/sdcpp\/v1\/jobs\/([\w-]+)(\/cancel)?$/.exec(route) ?? [];
  if (id === undefined || (method === 'POST') !== (action !== undefined)) return null;
  const job = jobs.get(id);
  if (!job) return json(404, { error: 'job not found' });
  if (job.endedAt !== null && Date.now() - job.endedAt >= keepsJobsMs)
    return json(410, { error: 'job expired' });
  return action === undefined ? jobPage(job, jobs) : cancelPage(job, jobs);
}

/** What it says while it loads: it does not listen then, but a proxy before it does. */
const loading = json(503, { error: 'loading model' });

export const sdCpp: SimulatedProtocol = {
  stopsOnDisconnect: false,
  work: (request, settings, jobs) =>
    request.route === 'POST /sdcpp/v1/img_gen' ? imgGen(request, settings, jobs) : null,
  page: (request, settings, jobs) => {
    if (request.route !== 'GET /sdcpp/v1/capabilities') return jobsPage(request, settings, jobs);
    if (!settings.ready) return loading;
    const stem = settings.models?.[0] ?? 'simulated';
    return json(200, {
      model: { name: `${stem}.gguf`, stem, path: `/models/${stem}.gguf` },
      current_mode: 'img_gen',
      supported_modes: ['img_gen'],
      features_by_mode: { img_gen: { cancel_queued: true, cancel_generating: false } },
      limits: {
        min_width: 64,
        max_width: 4096,
        min_height: 64,
        max_height: 4096,
        max_batch_count: MAX_COUNT,
        max_queue_size: MAX_PENDING,
      },
    });
  },
  says: {
    full: json(429, { error: 'job queue is full' }),
    failed: json(500, { error: 'server_error', message: FAILURE }),
    loading,
    errorInside: json(200, null),
    notFound: () => json(404, { error: 'not found' }),
  },
};
