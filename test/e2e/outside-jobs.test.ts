import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Client, Task } from '../../sdk/src/index.ts';
import { adminKey } from '../support/app.ts';
import { post } from '../support/graphql.ts';
import { artist, b64, startComfy, startSdServer, startWebUi } from '../support/outside-artists.ts';
import type { JobServer, Page } from '../support/outside-jobs.ts';
import { png } from '../support/outside-nodes.ts';
import { openSite, type Server, type Site } from './site.ts';

// Most of the time each of them waits for a back-off.
vi.setConfig({ maxConcurrency: 20, testTimeout: 60_000 });

/** As somebody exported it from the editor, and put placeholders in. */
const workflow = {
  '3': { class_type: 'KSampler', inputs: { seed: '{{seed}}', steps: '{{steps|4}}', positive: ['6', 0] } },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: 'oil on canvas, {{prompt}}' } },
  '9': { class_type: 'SaveImage', inputs: { images: ['3', 0] } },
};

let site: Site;
let server: Server;
let client: Client;
let folder: string;
const servers: JobServer[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'switchyard-workflows-'));
  await mkdir(path.join(folder, 'text-to-image', 'artists'), { recursive: true });
  await writeFile(path.join(folder, 'text-to-image', 'artists', 'oil.json'), JSON.stringify(workflow));
  site = await openSite();
  server = await site.open('all', { WORKFLOWS_DIR: folder });
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

/** Registers it under a model of its own, unless told which, so that no test meets another's. */
async function add<Server extends JobServer>(
  protocol: string,
  starting: Promise<Server>,
  { model = `model-${++count}`, token }: { model?: string; token?: string } = {},
) {
  const started = await starting;
  servers.push(started);
  const offers = [{ kind: 'TEXT_TO_IMAGE', models: [model] }];
  const input = { name: `${protocol}-${model}`, url: started.url, protocol, offers, token };
  const { registerNode } = await post<{ registerNode: object }>(server.url, adminKey, REGISTER, { input });
  expect(registerNode).toHaveProperty('id');
  return Object.assign(started, { model });
}

const sdServer = () => add('SD_CPP', startSdServer());
const webUi = (model: string) => add('A1111', startWebUi(), { model, token: artist });
const comfy = (options: Parameters<typeof startComfy>[0] & { model?: string } = {}) =>
  add('COMFYUI', startComfy(options), options);

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
  await vi.waitFor(async () => expect((await client.cancel(id)).outcome).toBe(outcome), { timeout: 30_000 });
}

describe.concurrent('sd-cpp', () => {
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
    // Which is told as well where nobody knows in time.
    const asked = () => expect(node.to('POST /sdcpp/v1/jobs/job_0/cancel')).toHaveLength(1);
    await vi.waitFor(asked, { timeout: 30_000 });
    node.stuck.at = null;
  });
});

describe.concurrent('a1111', () => {
  test('draws for a user with a password, tells how far it is, and which seed it took', async () => {
    const node = await webUi('xl');
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
    const node = await webUi('sub/xl.safetensors');
    const { id } = await client.submit(picture(node.model));
    await vi.waitUntil(() => node.to('POST /sdapi/v1/txt2img').length > 0, { timeout: 30_000 });
    await canceled(id, 'STOPPED_ON_NODE');
    expect(node.to('POST /sdapi/v1/interrupt')).toHaveLength(1);
  });

  test('is done again where somebody else interrupted it, or its checkpoint was another', async () => {
    const node = await webUi('models/xl');
    const other = { json: { images: [await b64()], info: '{"sd_model_name":"anime"}' } };
    node.trap('POST /sdapi/v1/txt2img', other);
    node.trap('GET /sdapi/v1/progress', { json: { progress: 0, state: { job_count: 0 } } });
    node.release();
    const task = await drawn(node.model);
    expect(await outcomes(task)).toEqual(['FAILED', 'SUCCEEDED']);
  });
});

describe.concurrent('comfyui', () => {
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
    // Whose socket is closed asks at once.
    node.sockets.get(first)?.terminate();
    const second = await node.submitted();
    node.jobs.delete(second);
    node.sockets.get(second)?.terminate();
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
