import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Client, Task } from '../../sdk/src/index.ts';
import { adminKey } from '../support/app.ts';
import { post } from '../support/graphql.ts';
import {
  type JobServer,
  type Page,
  type Script,
  startJobServer,
  tellingPng,
} from '../support/outside-jobs.ts';
import { png } from '../support/outside-nodes.ts';
import type { ServerProcess } from '../support/process.ts';
import { openSite, type Site } from './site.ts';

// Most of the time each of them waits for a back-off.
vi.setConfig({ maxConcurrency: 20, testTimeout: 60_000 });

/** As somebody exported it from the editor, and put placeholders in. */
const workflow = {
  '3': { class_type: 'KSampler', inputs: { seed: '{{seed}}', steps: '{{steps|4}}', positive: ['6', 0] } },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: 'oil on canvas, {{prompt}}' } },
  '9': { class_type: 'SaveImage', inputs: { images: ['3', 0] } },
};

let site: Site;
let server: ServerProcess;
let client: Client;
let folder: string;
const servers: JobServer[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'switchyard-workflows-'));
  await mkdir(path.join(folder, 'text-to-image', 'artists'), { recursive: true });
  await writeFile(path.join(folder, 'text-to-image', 'artists', 'oil.json'), JSON.stringify(workflow));
  site = await openSite();
  server = await site.start('all', { WORKFLOWS_DIR: folder });
  client = site.client(server);
});

afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  for (const one of servers) await one[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const REGISTER = `mutation ($input: RegisterNodeInput!) {
  registerNode(input: $input) { ... on GpuNode { id } ... on Error { message } }
}`;

let count = 0;

async function add(protocol: string, script: Script, given: { model?: string; token?: string } = {}) {
  const { model = `model-${++count}`, token } = given;
  const started = await startJobServer(script);
  servers.push(started);
  const offers = [{ kind: 'TEXT_TO_IMAGE', models: [model] }];
  const input = { name: `${protocol}-${model}`, url: started.url, protocol, offers, token };
  const { registerNode } = await post<{ registerNode: object }>(server.url, adminKey, REGISTER, { input });
  expect(registerNode).toHaveProperty('id');
  return Object.assign(started, { model });
}

const picture = (model: string, more: object = {}) => ({
  task: { textToImage: { prompt: 'a red fox', width: 64, height: 48, ...more, model } },
});

function drawn(model: string, more: object = {}, options: object = {}): Promise<Task> {
  const signal = AbortSignal.timeout(50_000);
  return client.submitAndWait({ ...picture(model, more), ...options }, { signal });
}

async function outcomes({ id }: Task): Promise<string[]> {
  return (await site.attempts(id)).map(({ outcome }) => outcome);
}

async function bytesOf({ result, error }: Task): Promise<Buffer> {
  const image = result?.__typename === 'ImageResult' ? result.images[0] : undefined;
  if (!image) throw new Error(`no picture: ${JSON.stringify(error)}`);
  return Buffer.from(await (await client.download(image)).arrayBuffer());
}

/** The first state of the task that is so. */
async function seen(id: string, is: (task: Task) => boolean): Promise<Task> {
  for await (const task of client.watch(id, { signal: AbortSignal.timeout(50_000) }))
    if (is(task)) return task;
  throw new Error('never seen');
}

/** Cancels it. What that came to is told again when it is asked again, should it not be known in time. */
async function canceled(id: string, outcome: string): Promise<void> {
  const cancel = async () => (await client.cancel(id)).outcome;
  await expect.poll(cancel, { timeout: 30_000 }).toBe(outcome);
}

const b64 = async (side = 64): Promise<string> =>
  (await tellingPng(side, 48, 'a secret prompt, Seed: 42')).toString('base64');

describe.concurrent('sd-cpp', () => {
  /** A job is queued when it is first asked for, generating then, and done in the end. */
  async function sdServer() {
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
    const node = await add('SD_CPP', {
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
  const JOB = 'GET /sdcpp/v1/jobs/*';

  test('draws; another size is taken as it is, and what it wrote into the picture is not', async () => {
    const node = await sdServer();
    const task = await drawn(node.model, { width: 100, seed: 7 });
    expect(task.result).toMatchObject({
      seed: 7,
      images: [{ mimeType: 'image/png', width: 104, height: 48 }],
    });
    expect((await bytesOf(task)).includes('secret')).toBe(false);
    expect(node.to('POST /sdcpp/v1/img_gen')[0]?.body).toMatchObject({
      prompt: 'a red fox',
      width: 100,
      seed: 7,
      batch_count: 1,
    });
  });

  const broken = {
    status: 'failed',
    result: null,
    error: { code: 'generation_failed', message: 'out of memory' },
  };
  test.each<[string, Page, string]>([
    [
      'expires before it is fetched',
      { status: 410, json: { error: 'job expired' } },
      'no longer knows the job',
    ],
    ['is lost with its server', { status: 404, json: { error: 'job not found' } }, 'no longer knows the job'],
    ['fails', { json: broken }, 'out of memory'],
    [
      'completes without a picture',
      { json: { ...broken, status: 'completed', error: null } },
      'has no pictures',
    ],
  ])('a job that %s is done again', async (_, page, says) => {
    const node = await sdServer();
    node.trap(JOB, page);
    const task = await drawn(node.model);
    expect(await outcomes(task)).toEqual(['FAILED', 'SUCCEEDED']);
    expect(node.to('POST /sdcpp/v1/img_gen')).toHaveLength(2);
    const failures = [];
    for await (const { error } of client.events(task.id)) if (error) failures.push(error.message);
    expect(failures.join()).toContain(says);
  });

  test('a job survives questions that nobody answers', async () => {
    const node = await sdServer();
    node.trap(JOB, { reset: true }, { status: 502, json: 'Bad Gateway' });
    expect(await outcomes(await drawn(node.model))).toEqual(['SUCCEEDED']);
    expect(node.to('POST /sdcpp/v1/img_gen')).toHaveLength(1);
  });

  test('a full queue spends no attempt', async () => {
    const node = await sdServer();
    node.trap('POST /sdcpp/v1/img_gen', { status: 429, json: { error: 'job queue is full' } });
    expect((await drawn(node.model, {}, { maxAttempts: 1 })).status).toBe('SUCCEEDED');
  });

  test.each([
    ['queued', 'STOPPED_ON_NODE', { json: { status: 'cancelled' } }],
    [
      'generating',
      'ABANDONED',
      { status: 409, json: { error: 'job is currently generating and cannot be interrupted yet' } },
    ],
  ])('a job that is %s is canceled: %s', async (status, outcome, answer) => {
    const node = await sdServer();
    node.stuck.at = status;
    node.trap('POST /sdcpp/v1/jobs/job_0/cancel', answer);
    const { id } = await client.submit(picture(node.model));
    await vi.waitUntil(() => node.to(JOB).length > 0, { timeout: 30_000 });
    await canceled(id, outcome);
    expect(node.to('POST /sdcpp/v1/jobs/job_0/cancel')).toHaveLength(1);
    node.stuck.at = null;
  });
});

describe.concurrent('a1111', () => {
  /** Draws for as long as it is not released, and for whoever is current. */
  async function webUi(options: { model?: string } = {}) {
    const { promise: drawing, resolve: release } = Promise.withResolvers<'drawn' | 'interrupted'>();
    let current: unknown = null;
    let interrupted = false;
    const image = await b64();
    const node = await add(
      'A1111',
      {
        authorization: `Basic ${Buffer.from('artist:p:w').toString('base64')}`,
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
      },
      { model: 'xl', ...options, token: 'artist:p:w' },
    );
    return Object.assign(node, { release: () => release('drawn') });
  }

  test('draws for a user with a password, tells how far it is, and which seed it took', async () => {
    const node = await webUi();
    const { id } = await client.submit(picture(node.model, { steps: 30 }));
    await seen(id, ({ progress }) => progress === 0.4);
    node.release();
    const task = await seen(id, ({ status }) => status === 'SUCCEEDED');
    expect(task.result).toMatchObject({ seed: 99, images: [{ width: 64, height: 48 }] });
    expect((await bytesOf(task)).includes('secret')).toBe(false);
    expect(node.to('POST /sdapi/v1/txt2img')[0]?.body).toMatchObject({
      ...{ prompt: 'a red fox', steps: 30, width: 64, height: 48, save_images: false },
      override_settings: { sd_model_checkpoint: 'xl' },
    });
  });

  test('is interrupted for our own task when that is canceled', async () => {
    const node = await webUi({ model: 'sub/xl.safetensors' });
    const { id } = await client.submit(picture(node.model));
    await vi.waitUntil(() => node.to('POST /sdapi/v1/txt2img').length > 0, { timeout: 30_000 });
    await canceled(id, 'STOPPED_ON_NODE');
    expect(node.to('POST /sdapi/v1/interrupt')).toHaveLength(1);
  });

  test('is done again where somebody else interrupted it, or its checkpoint was another', async () => {
    const node = await webUi({ model: 'models/xl' });
    const other = { json: { images: [await b64()], info: '{"sd_model_name":"anime"}' } };
    node.trap('POST /sdapi/v1/txt2img', other);
    node.trap('GET /sdapi/v1/progress', { json: { progress: 0, state: { job_count: 0 } } });
    node.release();
    const task = await drawn(node.model);
    expect(await outcomes(task)).toEqual(['FAILED', 'SUCCEEDED']);
  });
});

describe.concurrent('comfyui', () => {
  interface Job {
    readonly id: string;
    readonly prompt: object;
  }

  async function comfy({ model, hasSocket = true }: { model?: string; hasSocket?: boolean } = {}) {
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
    const node = await add(
      'COMFYUI',
      {
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
      },
      { ...(model === undefined ? {} : { model }) },
    );
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

  test('runs the workflow of the model, and tells by its socket how far it is', async () => {
    const node = await comfy({ model: 'artists/oil' });
    const { id } = await client.submit(picture(node.model, { seed: 5 }));
    const job = await node.submitted();
    const socket = node.sockets.get(job);
    const tell = (type: string, data: object) =>
      socket?.send(JSON.stringify({ type, data: { prompt_id: job, ...data } }));
    const preview = Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 2]), await png(8, 6)]);
    socket?.send(preview);
    tell('progress', { node: '3', value: 3, max: 4 });
    await seen(id, ({ progress }) => progress === 0.75);
    node.succeed(job);
    tell('executing', { node: null });
    const task = await seen(id, ({ status }) => status === 'SUCCEEDED');
    expect(task.result).toMatchObject({ seed: 5, images: [{ width: 64, height: 48 }] });
    expect((await bytesOf(task)).includes('secret')).toBe(false);
    expect(node.jobs.get(job)?.prompt).toEqual({
      ...workflow,
      '3': { class_type: 'KSampler', inputs: { seed: 5, steps: 4, positive: ['6', 0] } },
      '6': { class_type: 'CLIPTextEncode', inputs: { text: 'oil on canvas, a red fox' } },
    });
  });

  test('is asked for the result where it has no socket', async () => {
    const node = await comfy({ hasSocket: false });
    const task = drawn(node.model);
    node.succeed(await node.submitted());
    expect((await task).result).toMatchObject({ images: [{ width: 64 }] });
  });

  test('takes a job once, though the answer to that is lost', async () => {
    const node = await comfy();
    node.lost.answer = true;
    const task = drawn(node.model);
    node.succeed(await node.submitted());
    expect(await outcomes(await task)).toEqual(['SUCCEEDED']);
    expect(node.to('POST /prompt')).toHaveLength(1);
  });

  test('tells what is wrong with a workflow, and whose fault that is', async () => {
    const node = await comfy();
    const errors = [
      { type: 'value_smaller_than_min', message: 'Value 64 smaller than min of 256', details: 'width' },
    ];
    node.trap('POST /prompt', {
      status: 400,
      json: {
        error: {
          type: 'prompt_outputs_failed_validation',
          message: 'Prompt outputs failed validation',
          details: '',
        },
        node_errors: { '4': { errors, class_type: 'EmptyLatentImage' } },
      },
    });
    const task = await drawn(node.model);
    expect(task).toMatchObject({ status: 'FAILED', error: { code: 'NODE_REJECTED' } });
    expect(task.error?.message).toContain('EmptyLatentImage 4: Value 64 smaller than min of 256: width');
  });

  test('a job that fails, or is lost with its server, is done again', async () => {
    const node = await comfy();
    const task = drawn(node.model);
    const first = await node.submitted();
    node.fail(first, 'CUDA out of memory');
    const second = await node.submitted();
    node.jobs.delete(second);
    node.succeed(await node.submitted());
    expect(await outcomes(await task)).toEqual(['FAILED', 'FAILED', 'SUCCEEDED']);
  });

  test('stops our job, by its name, when the task is canceled', async () => {
    const node = await comfy();
    const { id } = await client.submit(picture(node.model));
    const job = await node.submitted();
    await canceled(id, 'STOPPED_ON_NODE');
    expect(node.to('POST /api/jobs/*').map(({ route }) => route)).toEqual([`POST /api/jobs/${job}/cancel`]);
    expect(node.to('POST /interrupt')).toEqual([]);
  });
});

test('after all of that the database is in order', async () => {
  await site.expectOrder();
});
