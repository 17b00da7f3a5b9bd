import { vi } from 'vitest';
import { type Page, startJobServer, tellingPng } from './outside-jobs.ts';

/** The user of the web UI, and a password. */
export const artist = 'artist:p:w';

/** A picture with a secret in it. */
export const b64 = async (side = 64): Promise<string> =>
  (await tellingPng(side, 48, 'a secret prompt, Seed: 42')).toString('base64');

/** A job is queued when it is first asked for, generating then, and done in the end. */
export async function startSdServer() {
  const looks = new Map<string, number>();
  /** While it is set, no job gets any further. */
  const stuck: { at: string | null } = { at: null };
  const done: Page = {
    json: {
      status: 'completed',
      queue_position: 0,
      result: { output_format: 'png', images: [{ index: 0, b64_json: await b64(104) }] },
      error: null,
    },
  };
  const node = await startJobServer({
    pages: {
      'GET /sdcpp/v1/capabilities': () => ({
        json: { model: { name: 'sd.gguf', stem: 'sd', path: '/sd.gguf' }, supported_modes: ['img_gen'] },
      }),
      'POST /sdcpp/v1/img_gen': () => {
        const id = `job_${looks.size}`;
        looks.set(id, 0);
        return {
          status: 202,
          json: { id, kind: 'img_gen', status: 'queued', created: 1, poll_url: `/sdcpp/v1/jobs/${id}` },
        };
      },
      'GET /sdcpp/v1/jobs/*': ({ route }) => {
        const id = route.split('/').at(-1) ?? '';
        const look = looks.get(id);
        if (look === undefined) return { status: 404, json: { error: 'job not found' } };
        looks.set(id, look + 1);
        const status = stuck.at ?? ['queued', 'generating'][look];
        return status
          ? { json: { id, status, queue_position: look === 0 ? 2 : 0, result: null, error: null } }
          : done;
      },
    },
  });
  return Object.assign(node, { stuck });
}

/** Draws for as long as it is not released, and for whoever is current. */
export async function startWebUi() {
  const { promise: drawing, resolve: release } = Promise.withResolvers<'drawn' | 'interrupted'>();
  let current: unknown = null;
  let interrupted = false;
  const image = await b64();
  const node = await startJobServer({
    authorization: `Basic ${Buffer.from(artist).toString('base64')}`,
    pages: {
      'GET /sdapi/v1/options': () => ({ json: { sd_model_checkpoint: 'xl.safetensors [31e35c80fc]' } }),
      'GET /sdapi/v1/sd-models': () => ({
        json: [{ title: 'xl.safetensors [31e35c80fc]', model_name: 'xl' }],
      }),
      'POST /sdapi/v1/txt2img': async ({ body }) => {
        current = body.force_task_id;
        interrupted = (await drawing) === 'interrupted';
        current = null;
        const info = JSON.stringify({ seed: 99, sd_model_name: 'xl' });
        return { json: { images: [image], parameters: {}, info } };
      },
      'POST /internal/progress': ({ body }) => ({
        json: {
          ...{ active: current !== null && body.id_task === current, queued: false, completed: false },
          ...{ progress: 0.4, eta: 3, textinfo: null },
          ...{ live_preview: `data:image/png;base64,${image}`, id_live_preview: 4 },
        },
      }),
      'GET /sdapi/v1/progress': () => ({
        json: {
          progress: 0.4,
          state: { job_count: current === null ? 0 : 1, interrupted },
          current_task: current,
        },
      }),
      'POST /sdapi/v1/interrupt': () => {
        release('interrupted');
        return { json: {} };
      },
    },
  });
  return Object.assign(node, { release: () => release('drawn') });
}

interface Job {
  readonly id: string;
  readonly prompt: object;
}

/** Jobs run until they are told how they end. */
export async function startComfy({ hasSocket = true }: { hasSocket?: boolean } = {}) {
  const jobs = new Map<string, Job>();
  const ended = new Map<string, object>();
  /** Whether a job is taken and nobody hears of it. */
  const lost = { answer: false };
  const list = () =>
    [...jobs.values()]
      .filter(({ id }) => !ended.has(id))
      .map(({ id, prompt }, n) => [n, id, prompt, {}, ['9']]);
  const finish = (id: string, status: object, outputs: object = {}) =>
    ended.set(id, { prompt: [], outputs, status });
  const image = await tellingPng(64, 48, 'a secret prompt');
  const node = await startJobServer({
    ...(hasSocket ? { socket: '/ws' } : {}),
    pages: {
      'GET /system_stats': () => ({ json: { system: { os: 'posix' }, devices: [] } }),
      'GET /prompt': () => ({ json: { exec_info: { queue_remaining: list().length } } }),
      'POST /prompt': ({ body }) => {
        const id = String(body.prompt_id);
        if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(id)) {
          return {
            status: 400,
            json: { error: { type: 'invalid_prompt_id', message: 'no UUID' }, node_errors: {} },
          };
        }
        if (jobs.has(id))
          return {
            status: 409,
            json: { error: { type: 'x', message: 'prompt_id already exists' }, node_errors: {} },
          };
        jobs.set(id, { id, prompt: body.prompt as object });
        return lost.answer ? { reset: true } : { json: { prompt_id: id, number: 1, node_errors: {} } };
      },
      'GET /queue': () => ({
        json: { queue_running: list().slice(0, 1), queue_pending: list().slice(1) },
      }),
      'GET /history/*': ({ route }) => {
        const id = route.split('/').at(-1) ?? '';
        return { json: ended.has(id) ? { [id]: ended.get(id) } : {} };
      },
      'GET /view': ({ query }) =>
        query.get('filename') === 'fox 1.png' && query.get('type') === 'output'
          ? { bytes: image }
          : { status: 404 },
      'POST /api/jobs/*': ({ route }) => {
        const id = route.split('/').at(-2) ?? '';
        finish(id, {
          status_str: 'error',
          completed: false,
          messages: [['execution_interrupted', { prompt_id: id }]],
        });
        return { json: { cancelled: true } };
      },
    },
  });
  const outputs = { '9': { images: [{ filename: 'fox 1.png', subfolder: '', type: 'output' }] } };
  return Object.assign(node, {
    jobs,
    lost,
    async submitted(): Promise<string> {
      await vi.waitUntil(() => list().length > 0, { timeout: 30_000, interval: 10 });
      return String(list()[0]?.[1]);
    },
    succeed: (id: string) => finish(id, { status_str: 'success', completed: true, messages: [] }, outputs),
    fail: (id: string, message: string) => {
      const error = {
        exception_message: message,
        exception_type: 'RuntimeError',
        node_id: '3',
        node_type: 'KSampler',
      };
      finish(id, { status_str: 'error', completed: false, messages: [['execution_error', error]] });
    },
  });
}
