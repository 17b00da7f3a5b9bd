import { z } from 'zod';
import type { NodeAnswer, NodeClient } from './client.ts';
import { NodeFault } from './fault.ts';
import type { Call, NodeProtocol, Readiness, StopRequest } from './protocol.ts';
import { badAnswer } from './support/answer.ts';
import { MAX_PICTURES_BYTES, pictureFromBase64, previewFromBase64 } from './support/images.ts';
import { pictureAsBase64, sizeFor } from './support/input-picture.ts';
import { waitFor } from './support/poll.ts';
import { checkReadiness, notReady } from './support/readiness.ts';
import { errorText, failed, refusal } from './support/refusal.ts';
import { seedOf } from './support/seed.ts';

type PictureCall = Call<'TEXT_TO_IMAGE' | 'IMAGE_TO_IMAGE'>;

const LOOK_MS = 500;
const STATE_PATH = '/sdapi/v1/progress?skip_current_image=true';

const made = z.object({ images: z.array(z.string()), info: z.string() });
/** JSON in a string. */
const info = z
  .string()
  .transform(parsedOrNull)
  .pipe(
    z.object({
      seed: z.number().int().nonnegative().nullish().catch(null),
      sd_model_name: z.string().nullish(),
      index_of_first_image: z.number().int().nonnegative().nullish(),
    }),
  );

/** Of one task, which the server looks up by the name that we gave it. */
const taskProgress = z.object({
  active: z.boolean(),
  queued: z.boolean(),
  completed: z.boolean(),
  progress: z.number().nullish(),
  live_preview: z.string().nullish(),
  id_live_preview: z.number().nullish(),
  textinfo: z.string().nullish(),
});
type TaskProgress = z.infer<typeof taskProgress>;

/** Of whatever the server works on now. */
const serverState = z.object({
  progress: z.number(),
  state: z.object({ job_count: z.number(), interrupted: z.boolean().nullish() }),
  current_image: z.string().nullish(),
  current_task: z.string().nullish(),
});

/** The server's own shape of an error; its exceptions leave the other two fields empty. */
const serverError = z.object({ error: z.string(), detail: z.string(), errors: z.string() });

const options = z.object({ sd_model_checkpoint: z.string().nullish() });
const checkpoints = z.array(z.object({ title: z.string(), model_name: z.string() }));

async function imageToImage(call: Call<'IMAGE_TO_IMAGE'>) {
  const { strength } = call.input;
  // It would squeeze every picture into a square.
  const size = await sizeFor(call.input, call.media);
  const image = await pictureAsBase64(call.media);
  return draw(call, '/sdapi/v1/img2img', { ...size, init_images: [image], denoising_strength: strength });
}

/** @param more that is sent beside what all pictures are asked for with */
async function draw(call: PictureCall, path: string, more: object = {}) {
  const { input, node, model, attemptId, signal } = call;
  const over = new AbortController();
  const watching = watch(call, AbortSignal.any([over.signal, signal]));
  try {
    const answer = await node.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        prompt: input.prompt,
        negative_prompt: input.negativePrompt,
        width: input.width,
        height: input.height,
        steps: input.steps,
        cfg_scale: input.guidanceScale,
        // Its own choice may have more bits than can be asked for again.
        seed: input.seed ?? seedOf(attemptId),
        // One after the other: a batch must fit into the GPU's memory.
        n_iter: input.count,
        ...more,
        batch_size: 1,
        send_images: true,
        save_images: false,
        override_settings: { sd_model_checkpoint: model },
        // The next task is likely to want the same checkpoint.
        override_settings_restore_afterwards: false,
        force_task_id: attemptId,
      }),
      signal,
      maxBytes: MAX_PICTURES_BYTES,
    });
    if (answer.status !== 200) throw refusal(answer, said(answer));
    const result = await picturesOf(answer, model);
    await assertWhole(call);
    return result;
  } finally {
    over.abort();
    await watching;
  }
}

function said(answer: NodeAnswer): string {
  const parsed = serverError.safeParse(parsedOrNull(answer.text()));
  return parsed.success ? parsed.data.detail || parsed.data.errors || parsed.data.error : errorText(answer);
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Whoever reads on finds that it is none of what was due.
  }
}

async function picturesOf(answer: NodeAnswer, model: string) {
  const parsed = made.safeParse(answer.json());
  if (!parsed.success) throw badAnswer('is none of an A1111 server');
  const about = info.safeParse(parsed.data.info);
  const { seed, sd_model_name: used, index_of_first_image: first } = about.data ?? {};
  // It draws with the checkpoint that it has where it lacks the one that was asked for, without a word.
  if (used && !stem(model).endsWith(stem(used))) throw failed(`it drew with the checkpoint ${used}`);
  // A grid of all of them may come first.
  const pictures = parsed.data.images.slice(first ?? 0);
  if (pictures.length === 0) throw badAnswer('holds no picture');
  const images = await Promise.all(pictures.map((picture) => pictureFromBase64(picture)));
  return { images, ...(typeof seed === 'number' ? { seed } : {}) };
}

/** `sd_xl_base.safetensors [31e35c80fc]` and `models/sd_xl_base` are the same. */
function stem(checkpoint: string): string {
  return checkpoint
    .replace(/ \[\w+\]$/, '')
    .replace(/\.(safetensors|ckpt|gguf|pt|pth|sft)$/, '')
    .replace(/^.*[\\/]/, '');
}

/**
 * Anybody's interrupt ends any job, and what is half drawn then comes as if it were whole. A server that doesn't tell
 * is believed: its picture is there.
 */
async function assertWhole({ node, signal }: PictureCall): Promise<void> {
  const now = await stateOrNull(node, signal);
  if (now?.state.interrupted && now.state.job_count === 0) throw failed('somebody interrupted it');
}

/** Tells of progress until the call is over. */
async function watch(call: PictureCall, signal: AbortSignal): Promise<void> {
  let lastPreview = -1;
  try {
    for (;;) {
      await waitFor(LOOK_MS, signal);
      const now = await progressOf(call.node, call.attemptId, signal, lastPreview);
      if (now.queued) call.progress(null, now.textinfo ?? 'queued');
      if (!now.active) continue;
      call.progress(Math.min(1, now.progress ?? 0), now.textinfo ?? undefined);
      const preview = now.live_preview ? previewFromBase64(now.live_preview) : null;
      if (preview) call.preview(preview);
      lastPreview = now.id_live_preview ?? lastPreview;
    }
  } catch (error) {
    // The call itself fails where the node does; progress is only a service.
    if (!signal.aborted && !(error instanceof NodeFault)) throw error;
  }
}

/** How far that task is. Without a user interface the server has no such page: it tells of its current task then. */
async function progressOf(
  node: NodeClient,
  taskId: string,
  signal: AbortSignal,
  lastPreview = -1,
): Promise<TaskProgress> {
  const answer = await node.request({
    method: 'POST',
    path: '/internal/progress',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id_task: taskId, id_live_preview: lastPreview, live_preview: true }),
    signal,
  });
  if (answer.status === 404 || answer.status === 405) {
    const { current_task: current, progress } = await stateOf(node, signal);
    return { active: current === taskId, queued: false, completed: false, progress };
  }
  if (answer.status !== 200) throw refusal(answer);
  const parsed = taskProgress.safeParse(answer.json());
  if (!parsed.success) throw badAnswer('tells no progress');
  return parsed.data;
}

async function stateOf(node: NodeClient, signal: AbortSignal) {
  const answer = await node.request({ method: 'GET', path: STATE_PATH, signal });
  if (answer.status !== 200) throw refusal(answer);
  const parsed = serverState.safeParse(answer.json());
  if (!parsed.success) throw badAnswer('tells no state');
  return parsed.data;
}

async function stateOrNull(node: NodeClient, signal: AbortSignal) {
  try {
    return await stateOf(node, signal);
  } catch (error) {
    if (error instanceof NodeFault) return null;
    throw error;
  }
}

/** The server's interrupt ends whatever runs: it is sent only while that is ours. */
async function cancel({ node, attemptId, signal }: StopRequest): Promise<boolean> {
  const { active, completed } = await progressOf(node, attemptId, signal);
  if (completed) return true;
  if (!active) {
    const message = 'the node has not begun with the task';
    throw new NodeFault(message, { side: 'busy', code: 'NODE_ERROR', sent: true });
  }
  const answer = await node.request({ method: 'POST', path: '/sdapi/v1/interrupt', signal });
  if (answer.status !== 200) throw refusal(answer);
  return true;
}

async function ready(node: NodeClient, signal: AbortSignal): Promise<Readiness> {
  const get = (path: string) => node.request({ method: 'GET', path, signal });
  const [chosen, list] = await Promise.all([get('/sdapi/v1/options'), get('/sdapi/v1/sd-models')]);
  const bad = [chosen, list].find(({ status }) => status !== 200);
  if (bad) return notReady(refusal(bad, said(bad)).message);
  const now = options.safeParse(chosen.json());
  const known = checkpoints.safeParse(list.json());
  if (!now.success || !known.success) return notReady('the node tells of no checkpoints');
  const running = await stateOrNull(node, signal);
  const loaded = now.data.sd_model_checkpoint;
  const isLoaded = (names: string[]) => names.some((name) => loaded && stem(name) === stem(loaded));
  const names = known.data.map(({ title, model_name: name }) => [...new Set([name, title, stem(title)])]);
  return {
    ready: true,
    models: names.flat(),
    loadedModels: names.filter(isLoaded).flat(),
    ...(running ? { idle: running.state.job_count === 0 } : {}),
  };
}

/**
 * Stable Diffusion web UI (A1111) and Forge with `--api`. A model is a checkpoint by its name there; the token of a
 * server with `--api-auth` is `user:password`.
 */
export const a1111: NodeProtocol<'A1111'> = {
  name: 'A1111',
  description: 'The web UI of AUTOMATIC1111, Forge and the like',
  stop: 'api',
  run: { TEXT_TO_IMAGE: (call) => draw(call, '/sdapi/v1/txt2img'), IMAGE_TO_IMAGE: imageToImage },
  ready: (node, signal) => checkReadiness(signal, () => ready(node, signal)),
  cancel,
};
