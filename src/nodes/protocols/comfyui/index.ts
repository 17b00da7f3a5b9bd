import { z } from 'zod';
import type { NodeClient } from '../client.ts';
import { NodeFault } from '../fault.ts';
import type { Call, MadeFile, NodeProtocol, Readiness } from '../protocol.ts';
import { orForget } from '../support/forget.ts';
import { pictureBytes, sizeFor } from '../support/input-picture.ts';
import { poll } from '../support/poll.ts';
import { checkReadiness, notReady } from '../support/readiness.ts';
import { failed, refusal } from '../support/refusal.ts';
import { seedOf } from '../support/seed.ts';
import { watchJob } from './events.ts';
import {
  cancelJob,
  type Finished,
  GONE,
  jobId,
  look,
  picturesOf,
  submit,
  type UnderWay,
  upload,
} from './job.ts';
import { defaultWorkflows, fill, placeholdersOf, type Values, type Workflow } from './workflow.ts';

export { type Workflow, workflowFor } from './workflow.ts';

type PictureCall = Call<'TEXT_TO_IMAGE' | 'IMAGE_TO_IMAGE'>;

const LOADER = 'CheckpointLoaderSimple';

/** The names stand in a list, or among the options of newer nodes. */
const choices = z.union([
  z
    .tuple([z.array(z.string())])
    .rest(z.unknown())
    .transform(([names]) => names),
  z.tuple([z.string(), z.object({ options: z.array(z.string()) })]).transform(([, { options }]) => options),
]);
const loader = z.object({
  [LOADER]: z.object({ input: z.object({ required: z.object({ ckpt_name: choices }) }) }),
});
const systemStats = z.object({ system: z.object({}) });
const queueInfo = z.object({ exec_info: z.object({ queue_remaining: z.number() }) });

async function textToImage(call: Call<'TEXT_TO_IMAGE'>) {
  const { width, height } = call.input;
  return draw(call, call.workflow ?? defaultWorkflows.TEXT_TO_IMAGE, { width, height });
}

async function imageToImage(call: Call<'IMAGE_TO_IMAGE'>) {
  const { input, media } = call;
  return draw(call, call.workflow ?? defaultWorkflows.IMAGE_TO_IMAGE, {
    ...(await sizeFor(input, media)),
    strength: input.strength,
    image: await upload(call, await pictureBytes(media)),
  });
}

/** @param more values of placeholders, beside those that all pictures have */
async function draw(call: PictureCall, template: Workflow, more: Values) {
  const { input, model } = call;
  const used = placeholdersOf(template);
  const name = await nameOf(call);
  const seed = input.seed ?? seedOf(name);
  const checkpoint = used.has('checkpoint') ? await checkpointOf(call) : undefined;
  const jobs = used.has('count') ? 1 : input.count;
  const images: MadeFile[] = [];
  for (let index = 0; index < jobs; index++) {
    const workflow = fill(template, {
      prompt: input.prompt,
      negative_prompt: input.negativePrompt,
      steps: input.steps,
      guidance_scale: input.guidanceScale,
      seed: seed + index,
      count: input.count,
      model,
      checkpoint,
      ...more,
    });
    const part = (value: number) => (index + value) / jobs;
    images.push(...(await runJob(call, { id: jobId(name, index), workflow, part })));
  }
  return { images, ...(used.has('seed') ? { seed } : {}) };
}

/**
 * What the jobs are named after: the attempt that submitted them first. A job that should have ended long ago is
 * stopped, and this attempt has one of its own.
 */
async function nameOf(call: PictureCall): Promise<string> {
  const { remote, attemptId, node, signal } = call;
  if (remote.handle !== null) {
    if (!remote.isOverdue) return remote.handle;
    await cancelJob({ node, attemptId, handle: remote.handle, signal }).catch(faultsOnly);
  }
  await remote.keep(attemptId);
  return attemptId;
}

/** A job that can't be stopped is left to itself. */
function faultsOnly(error: unknown): void {
  if (!(error instanceof NodeFault)) throw error;
}

interface Job {
  readonly id: string;
  readonly workflow: Workflow;
  /** How far the whole task is where this job is so far. */
  part(value: number): number;
}

/** Submits the job, unless it is there already, and waits for its pictures. */
async function runJob(call: PictureCall, { id: ours, workflow, part }: Job): Promise<MadeFile[]> {
  const { node, signal, remote } = call;
  using watch = await watchJob({
    ...{ node, id: ours, workflow, signal },
    progress: (value, text) => call.progress(part(value), text),
    preview: call.preview,
  });
  const isThere = remote.handle !== null && (await look(call, ours)) !== GONE;
  const id = isThere ? ours : await orForget(call, () => submit(call, ours, workflow));
  const ended = await poll(() => endOf(call, id), { signal, pause: watch.pause });
  return orForget(call, async () => {
    if (ended === GONE) throw failed('it no longer knows the job');
    return picturesOf(call, ended);
  });
}

async function endOf(call: PictureCall, id: string): Promise<Finished | typeof GONE | undefined> {
  const now = await look(call, id);
  if (now === GONE || !isUnderWay(now)) return now;
  if (now.place > 0) call.progress(null, `place ${now.place} in the node's queue`);
  return undefined;
}

function isUnderWay(job: Finished | UnderWay): job is UnderWay {
  return 'place' in job;
}

async function checkpointsOf(node: NodeClient, signal: AbortSignal): Promise<readonly string[]> {
  const answer = await node.request({ method: 'GET', path: `/object_info/${LOADER}`, signal });
  if (answer.status !== 200) return [];
  return loader.safeParse(answer.json()).data?.[LOADER].input.required.ckpt_name ?? [];
}

/** The file that goes by the model's name; the name itself where there is none, which the node then refuses. */
async function checkpointOf({ node, model, signal }: PictureCall): Promise<string> {
  const files = await checkpointsOf(node, signal);
  return files.find((file) => file === model) ?? files.find((file) => stem(file) === model) ?? model;
}

/** `sdxl/base.safetensors` goes by the name `base`. */
function stem(file: string): string {
  return file.replace(/^.*[\\/]/, '').replace(/\.\w+$/, '');
}

async function ready(node: NodeClient, signal: AbortSignal): Promise<Readiness> {
  const get = (path: string) => node.request({ method: 'GET', path, signal });
  const [stats, queue, files] = await Promise.all([
    get('/system_stats'),
    get('/prompt'),
    checkpointsOf(node, signal),
  ]);
  if (stats.status !== 200) return notReady(refusal(stats).message);
  if (!systemStats.safeParse(stats.json()).success) return notReady('GET /system_stats told none');
  const remaining = queue.status === 200 ? queueInfo.safeParse(queue.json()).data : undefined;
  return {
    ready: true,
    models: files.map(stem),
    ...(remaining ? { idle: remaining.exec_info.queue_remaining === 0 } : {}),
  };
}

/**
 * ComfyUI. A model is a workflow of the configuration by its name, or else a checkpoint of the node. Jobs have ids of
 * ours, so that none is ever submitted twice, and each is found again.
 */
export const comfyui: NodeProtocol<'COMFYUI'> = {
  name: 'COMFYUI',
  description: 'ComfyUI, by workflows of the configuration or its checkpoints',
  stop: 'api',
  run: { TEXT_TO_IMAGE: textToImage, IMAGE_TO_IMAGE: imageToImage },
  ready: (node, signal) => checkReadiness(signal, () => ready(node, signal)),
  cancel: cancelJob,
};
