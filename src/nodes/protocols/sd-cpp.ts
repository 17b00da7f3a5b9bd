import { z } from 'zod';
import type { NodeAnswer } from './client.ts';
import type { Call, NodeProtocol, StopRequest } from './protocol.ts';
import { badAnswer } from './support/answer.ts';
import { orForget } from './support/forget.ts';
import { MAX_PICTURES_BYTES, pictureFromBase64 } from './support/images.ts';
import { pictureAsBase64, sizeFor } from './support/input-picture.ts';
import { poll } from './support/poll.ts';
import { checkReadiness, notReady } from './support/readiness.ts';
import { failed, refusal } from './support/refusal.ts';
import { seedOf } from './support/seed.ts';

type PictureCall = Call<'TEXT_TO_IMAGE' | 'IMAGE_TO_IMAGE'>;

const MODE = 'img_gen';

const submitted = z.object({ id: z.string().min(1) });

const jobShape = z.object({
  status: z.enum(['queued', 'generating', 'completed', 'failed', 'cancelled']),
  queue_position: z.number().nullish(),
  result: z.object({ images: z.array(z.object({ b64_json: z.string() })).min(1) }).nullish(),
  error: z.object({ message: z.string() }).nullish(),
});
type Job = z.infer<typeof jobShape>;

const capabilities = z.object({
  model: z.object({ stem: z.string() }).nullish(),
  supported_modes: z.array(z.string()),
});

/** What becomes of a job that the node no longer knows: it was restarted, or nobody asked in time. */
const GONE = 'gone';

async function imageToImage(call: Call<'IMAGE_TO_IMAGE'>) {
  const { strength } = call.input;
  const size = await sizeFor(call.input, call.media);
  return draw(call, { ...size, strength, init_image: await pictureAsBase64(call.media) });
}

/** @param more that goes into the job beside what all pictures are asked for with */
async function draw(call: PictureCall, more: object = {}) {
  const { input, remote, attemptId } = call;
  const left = remote.handle === null ? GONE : await resume(call, remote.handle);
  if (left !== GONE) return { images: left, ...(input.seed === undefined ? {} : { seed: input.seed }) };
  const seed = input.seed ?? seedOf(attemptId);
  const id = await submit(call, {
    prompt: input.prompt,
    negative_prompt: input.negativePrompt,
    width: input.width,
    height: input.height,
    seed,
    batch_count: input.count,
    sample_params: {
      sample_steps: input.steps,
      guidance: input.guidanceScale === undefined ? undefined : { txt_cfg: input.guidanceScale },
    },
    output_format: 'png',
    embed_image_metadata: false,
    ...more,
  });
  await remote.keep(id);
  const images = await resultOf(call, await ended(call, id));
  if (images !== GONE) return { images, seed };
  throw failed('it no longer knows the job');
}

async function submit({ node, signal }: PictureCall, body: object): Promise<string> {
  const answer = await node.request({
    method: 'POST',
    path: `/sdcpp/v1/${MODE}`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  if (answer.status !== 202 && answer.status !== 200) throw refusal(answer);
  const parsed = submitted.safeParse(answer.json());
  if (!parsed.success) throw badAnswer('names no job');
  return parsed.data.id;
}

/** What an earlier attempt's job came to; one that should have ended long ago is left to itself. */
async function resume(call: PictureCall, id: string) {
  const { remote } = call;
  const job = remote.isOverdue ? await look(call, id) : await ended(call, id);
  if (job !== GONE && (job.status === 'queued' || job.status === 'generating')) {
    await remote.forget();
    return GONE;
  }
  return resultOf(call, job);
}

/** Tells of the job until it has ended. */
function ended(call: PictureCall, id: string): Promise<Job | typeof GONE> {
  const { signal, progress } = call;
  let told = '';
  return poll(
    async () => {
      const job = await look(call, id);
      if (job === GONE || (job.status !== 'queued' && job.status !== 'generating')) return job;
      const now =
        job.status === 'queued' ? `place ${job.queue_position ?? 1} in the node's queue` : 'generating';
      if (now !== told) progress(null, now);
      told = now;
      return undefined;
    },
    { signal },
  );
}

async function look(
  { node, signal }: Pick<PictureCall, 'node' | 'signal'>,
  id: string,
): Promise<Job | typeof GONE> {
  const path = jobPath(id);
  const answer = await node.request({ method: 'GET', path, signal, maxBytes: MAX_PICTURES_BYTES });
  if (answer.status === 404 || answer.status === 410) return GONE;
  return jobOf(answer);
}

async function resultOf(call: PictureCall, job: Job | typeof GONE) {
  if (job === GONE) {
    await call.remote.forget();
    return GONE;
  }
  return orForget(call, () => picturesOf(job));
}

async function picturesOf({ status, result, error }: Job) {
  if (status !== 'completed') throw failed(error?.message ?? `the job is ${status}`);
  if (!result) throw badAnswer('has no pictures');
  return Promise.all(result.images.map(({ b64_json }) => pictureFromBase64(b64_json)));
}

function jobOf(answer: NodeAnswer): Job {
  if (answer.status !== 200) throw refusal(answer);
  const parsed = jobShape.safeParse(answer.json());
  if (!parsed.success) throw badAnswer('is no job of an sd-server');
  return parsed.data;
}

function jobPath(id: string): string {
  return `/sdcpp/v1/jobs/${encodeURIComponent(id)}`;
}

/** A job that is generating can't be interrupted (409). One that has ended, or is unknown, needs not be. */
async function cancel({ node, handle, signal }: StopRequest): Promise<boolean> {
  if (handle === null) return false;
  const answer = await node.request({ method: 'POST', path: `${jobPath(handle)}/cancel`, signal });
  if (answer.status === 404 || answer.status === 410) return true;
  if (answer.status === 409) return false;
  return jobOf(answer).status !== 'generating';
}

/** stable-diffusion.cpp's own server, by its asynchronous jobs: queued ones can be canceled, and all be found again. */
export const sdCpp: NodeProtocol<'SD_CPP'> = {
  name: 'SD_CPP',
  description: 'The server of stable-diffusion.cpp, by its own asynchronous jobs',
  stop: 'queued-only',
  run: { TEXT_TO_IMAGE: (call) => draw(call), IMAGE_TO_IMAGE: imageToImage },
  ready: (node, signal) =>
    checkReadiness(signal, async () => {
      const answer = await node.request({ method: 'GET', path: '/sdcpp/v1/capabilities', signal });
      if (answer.status !== 200) return notReady(refusal(answer).message);
      const body = capabilities.safeParse(answer.json());
      if (!body.success) return notReady('GET /sdcpp/v1/capabilities told none');
      const { model, supported_modes: modes } = body.data;
      if (!modes.includes(MODE)) return notReady('its model makes no pictures');
      return { ready: true, ...(model ? { loadedModels: [model.stem] } : {}) };
    }),
  cancel,
};
