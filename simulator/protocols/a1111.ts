import { randomBytes } from 'node:crypto';
import type { Job, Jobs } from '../jobs.ts';
import { drawPicture } from '../picture.ts';
import type { SimulatorSettings } from '../settings.ts';
import { clampedSide, pictureOf, share, signedPicture } from './pictures.ts';
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

const DEFAULT_STEPS = 50;
const PREVIEW_SIDE = 32;
const UNNAMED = 'simulated';

/** A web user interface writes its names with a hash behind them. */
const titleOf = (name: string): string =>
  `${name}.safetensors [${Buffer.from(name).toString('hex').slice(0, 8)}]`;

function overriding({ override_settings: settings }: Job['input']): string | null {
  const { sd_model_checkpoint: name } = Object(settings);
  return typeof name === 'string' ? name.replace(/\.safetensors( \[\w+\])?$/, '') : null;
}

function has({ models }: SimulatorSettings, name: string | null): name is string {
  return name !== null && (models === null || models.includes(name));
}

/** What it holds: a task that doesn't restore what was there before leaves its own. */
function loadedModel(settings: SimulatorSettings, jobs: Jobs): string {
  const stays = jobs.all.filter(
    ({ input, startedAt }) => startedAt !== null && input.override_settings_restore_afterwards === false,
  );
  const names = stays.map(({ input }) => overriding(input)).filter((name) => has(settings, name));
  return names.at(-1) ?? settings.models?.[0] ?? UNNAMED;
}

async function draw(request: Request, settings: SimulatorSettings, jobs: Jobs): Promise<Work | Answer> {
  const input = fields(request);
  const { prompt = '', negative_prompt: negative = '', force_task_id: name } = input;
  if (typeof prompt !== 'string') {
    return json(422, { detail: [{ loc: ['body', 'prompt'], msg: 'Input should be a valid string' }] });
  }
  const [begins] = [input.init_images ?? []].flat();
  const isEdit = request.route.endsWith('img2img');
  if (isEdit && pictureOf(begins) === null) return json(404, { detail: 'Init image not found' });
  const [width, height] = [clampedSide(input.width, settings.side), clampedSide(input.height, settings.side)];
  const count = integer(input.n_iter, 1) * integer(input.batch_size, 1);
  const steps = integer(input.steps, DEFAULT_STEPS);
  const asked = integer(input.seed, -1);
  const seed = asked < 0 ? 1_234_567 : asked;
  // A checkpoint that it doesn't know is passed over in silence.
  const wanted = overriding(input);
  const model = has(settings, wanted) ? wanted : loadedModel(settings, jobs);
  const answer = async (drawn: string) => {
    const images = Array.from({ length: count }, async (_, index) => {
      const begun = { from: pictureOf(begins), strength: share(input.denoising_strength) };
      const picture = { prompt: `${drawn}\n${negative}`, seed: seed + index, width, height, ...begun };
      const parameters = `${prompt}\nSteps: ${steps}, Seed: ${seed + index}, Model: ${model}`;
      return (await signedPicture(picture, 'parameters', parameters)).toString('base64');
    });
    const info = { prompt, seed, all_seeds: images.map((_, n) => seed + n), sd_model_name: model };
    const first = { index_of_first_image: 0 };
    return json(200, {
      images: await Promise.all(images),
      parameters: input,
      info: JSON.stringify({ ...info, ...first }),
    });
  };
  return {
    input,
    units: ((width * height) / 1_000_000) * steps * count,
    job: typeof name === 'string' ? name : `task(txt2img-${randomBytes(4).toString('hex')})`,
    steps: steps * count,
    make: () => answer(prompt),
    // What is half drawn comes as if it were whole.
    stopped: () => answer(`half of ${prompt}`),
  };
}

async function taskPage(request: Request, jobs: Jobs): Promise<Answer> {
  const asked = fields(request);
  const job = jobs.get(asked.id_task);
  const idle = { progress: null, eta: null, live_preview: null, id_live_preview: -1 };
  const completed = job?.endedAt != null;
  if (job?.state === 'queued') {
    const textinfo = `In queue: ${jobs.queued.indexOf(job) + 1}/${jobs.queued.length}`;
    return json(200, { ...idle, active: false, queued: true, completed, textinfo });
  }
  if (job?.state !== 'working') {
    return json(200, { ...idle, active: false, queued: false, completed, textinfo: 'Waiting...' });
  }
  const isNew = asked.live_preview !== false && job.step > 0 && asked.id_live_preview !== job.step;
  const preview = isNew ? await previewOf(job) : null;
  return json(200, {
    active: true,
    queued: false,
    completed,
    progress: job.step / job.steps,
    eta: null,
    live_preview: preview && `data:image/jpeg;base64,${preview}`,
    id_live_preview: preview ? job.step : asked.id_live_preview,
    textinfo: null,
  });
}

async function previewOf({ input, step }: Job): Promise<string> {
  const side = { width: PREVIEW_SIDE, height: PREVIEW_SIDE };
  const picture = await drawPicture({ prompt: String(input.prompt), seed: step, ...side, format: 'jpeg' });
  return picture.toString('base64');
}

/** Of whatever runs. The name of its task is the one from the server's start: none, for ever. */
function statePage(jobs: Jobs): Answer {
  const job = jobs.working[0];
  const last = jobs.all.filter(({ startedAt }) => startedAt !== null).at(-1);
  return json(200, {
    progress: job ? job.step / job.steps : 0,
    eta_relative: 0,
    state: {
      skipped: false,
      interrupted: last?.signal.aborted ?? false,
      stopping_generation: false,
      job: job ? 'scripts_txt2img' : '',
      job_count: job ? 1 : 0,
      job_no: 0,
      sampling_step: job?.step ?? 0,
      sampling_steps: job?.steps ?? 0,
    },
    current_image: null,
    textinfo: null,
    current_task: null,
  });
}

function page(request: Request, settings: SimulatorSettings, jobs: Jobs): Promise<Answer> | Answer | null {
  const { models, ready } = settings;
  if (!ready) return loading;
  switch (request.route) {
    case 'POST /internal/progress':
      return taskPage(request, jobs);
    case 'GET /internal/pending-tasks':
      return json(200, { size: jobs.queued.length, tasks: jobs.queued.map(({ id }) => id) });
    case 'GET /sdapi/v1/progress':
      return statePage(jobs);
    case 'POST /sdapi/v1/interrupt':
      // Whoever's it is.
      for (const job of jobs.working) job.stop();
      return json(200, {});
    case 'GET /sdapi/v1/options':
      return json(200, { sd_model_checkpoint: titleOf(loadedModel(settings, jobs)) });
    case 'GET /sdapi/v1/sd-models': {
      const list = models ?? [UNNAMED];
      return json(
        200,
        list.map((name) => ({ title: titleOf(name), model_name: name, hash: null })),
      );
    }
    default:
      return null;
  }
}

const loading = text(503, 'the web user interface is loading');

function failure(error: string, errors: string): Answer {
  return json(500, { error, detail: '', body: '', errors });
}

export const a1111: SimulatedProtocol = {
  stopsOnDisconnect: false,
  work: (request, settings, jobs) =>
    /^POST \/sdapi\/v1\/(txt|img)2img$/.test(request.route) ? draw(request, settings, jobs) : null,
  page,
  says: {
    // It never is: calls wait for its one lock. A proxy before it may say so.
    full: text(429, 'too many requests'),
    failed: failure('OutOfMemoryError', 'CUDA out of memory. Tried to allocate 2.00 GiB'),
    loading,
    errorInside: json(200, { images: [], parameters: {}, info: '{}' }),
    notFound: () => json(404, { detail: 'Not Found' }),
  },
};
