import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { NodeAnswer, NodeClient } from '../client.ts';
import { NodeFault } from '../fault.ts';
import type { MadeFile, StopRequest } from '../protocol.ts';
import { badAnswer } from '../support/answer.ts';
import { MAX_PICTURE_BYTES, picture } from '../support/images.ts';
import { multipart } from '../support/multipart.ts';
import { errorText, failed, refusal } from '../support/refusal.ts';
import type { Workflow } from './workflow.ts';

/** The most jobs that one task can have, one after the other. */
const MAX_JOBS = 8;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const file = z.object({
  filename: z.string().min(1),
  subfolder: z.string().default(''),
  type: z.string().default('output'),
});
type OutputFile = z.infer<typeof file>;

const finished = z.object({
  outputs: z.record(z.string(), z.object({ images: z.array(file).nullish().catch(null) })),
  status: z.object({ status_str: z.string(), messages: z.array(z.unknown()).default([]) }).nullish(),
});
/** What became of a job. */
export type Finished = z.infer<typeof finished>;

const executionError = z.tuple([
  z.literal('execution_error'),
  z.object({
    exception_message: z.string(),
    exception_type: z.string().nullish(),
    node_type: z.string().nullish(),
  }),
]);
const interrupted = z.tuple([z.literal('execution_interrupted'), z.unknown()]);

const queued = z.tuple([z.number(), z.string()]).rest(z.unknown());
const queue = z.object({ queue_running: z.array(queued), queue_pending: z.array(queued) });

const refused = z.object({
  error: z.object({ message: z.string(), details: z.string().nullish() }),
  node_errors: z
    .record(
      z.string(),
      z.object({
        class_type: z.string().nullish(),
        errors: z.array(z.object({ message: z.string(), details: z.string().nullish() })),
      }),
    )
    .catch({}),
});
const uploaded = z.object({ name: z.string().min(1), subfolder: z.string().default('') });
const submitted = z.object({ prompt_id: z.string().min(1) });

/** Where a job is that has not ended: 0 while it runs, or its place in the queue, from 1. */
export interface UnderWay {
  readonly place: number;
}

/** The node does not know the job, or no longer: its queue is lost with its process. */
export const GONE = 'gone';

/** The id of a task's job on the node, a UUID: the same for the same attempt and number. */
export function jobId(attemptId: string, index: number): string {
  const bytes = createHash('sha256').update(`${attemptId}/${index}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

type Ask = { readonly node: NodeClient; readonly signal: AbortSignal };

function get({ node, signal }: Ask, path: string, maxBytes = MAX_ANSWER_BYTES): Promise<NodeAnswer> {
  return node.request({ method: 'GET', path, signal, maxBytes });
}

function post({ node, signal }: Ask, path: string, body: object): Promise<NodeAnswer> {
  const headers = { 'content-type': 'application/json' };
  return node.request({ method: 'POST', path, headers, body: JSON.stringify(body), signal });
}

/** Throws a fault for anything but a good answer of that shape. */
function read<T>(answer: NodeAnswer, shape: z.ZodType<T>): T {
  if (answer.status !== 200) throw refusal(answer);
  const parsed = shape.safeParse(answer.json());
  if (!parsed.success) throw badAnswer('is none of a ComfyUI server');
  return parsed.data;
}

/** Puts a file where the node's workflows find it, under a name of its own, and answers the name. */
export async function upload({ node, signal }: Ask, image: MadeFile): Promise<string> {
  const { bytes, mimeType } = image;
  // The same picture is the same file, so that it is there only once.
  const fileName = `${createHash('sha256').update(bytes).digest('hex')}.${mimeType.replace(/^image\/|\W.*$/g, '')}`;
  const file = { blob: new Blob([Uint8Array.from(bytes)]), fileName, mimeType };
  const form = multipart({ image: file, type: 'input', overwrite: 'true' });
  const answer = await node.request({ method: 'POST', path: '/upload/image', body: form, signal });
  const { name: given, subfolder } = read(answer, uploaded);
  return subfolder === '' ? given : `${subfolder}/${given}`;
}

/**
 * Has the node take a job, once: whoever submits it again finds it there. Answers its id, which old servers choose
 * for themselves.
 */
export async function submit(ask: Ask, id: string, workflow: Workflow): Promise<string> {
  try {
    const answer = await post(ask, '/prompt', {
      prompt: workflow,
      prompt_id: id,
      client_id: id,
      extra_data: { preview_method: 'auto' },
    });
    if (answer.status === 409) return id;
    if (answer.status !== 200) throw refusal(answer, whyRefused(answer));
    return read(answer, submitted).prompt_id;
  } catch (error) {
    const isUnknown = error instanceof NodeFault && error.code === 'NODE_UNREACHABLE' && error.sent;
    if (isUnknown && (await look(ask, id).catch(() => GONE)) !== GONE) return id;
    throw error;
  }
}

function whyRefused(answer: NodeAnswer): string {
  const parsed = refused.safeParse(jsonOf(answer));
  if (!parsed.success) return errorText(answer);
  const { error, node_errors: nodes } = parsed.data;
  const own = Object.entries(nodes).flatMap(([id, { class_type: type, errors }]) =>
    errors.map(
      ({ message, details }) => `${type ?? 'node'} ${id}: ${[message, details].filter(Boolean).join(': ')}`,
    ),
  );
  return own.length > 0 ? own.join('; ') : [error.message, error.details].filter(Boolean).join(': ');
}

function jsonOf(answer: NodeAnswer): unknown {
  try {
    return answer.json();
  } catch (error) {
    if (error instanceof NodeFault) return null;
    throw error;
  }
}

/** Looks a job up, wherever it is. */
export async function look(ask: Ask, id: string): Promise<Finished | UnderWay | typeof GONE> {
  const before = await finishedJob(ask, id);
  if (before) return before;
  const { queue_running: running, queue_pending: pending } = await queueOf(ask);
  if (running.some((item) => item[1] === id)) return { place: 0 };
  const place = pending.toSorted((a, b) => a[0] - b[0]).findIndex((item) => item[1] === id) + 1;
  // It may have ended between the two questions.
  return place > 0 ? { place } : ((await finishedJob(ask, id)) ?? GONE);
}

async function finishedJob(ask: Ask, id: string): Promise<Finished | undefined> {
  const answer = await get(ask, `/history/${id}`);
  return read(answer, z.record(z.string(), finished))[id];
}

async function queueOf(ask: Ask) {
  return read(await get(ask, '/queue'), queue);
}

/** The pictures that a job made. @throws NodeFault where it failed, or was interrupted */
export async function picturesOf(ask: Ask, { outputs, status }: Finished): Promise<MadeFile[]> {
  for (const message of status?.messages ?? []) {
    const error = executionError.safeParse(message).data?.[1];
    if (error)
      throw failed(
        [error.node_type, error.exception_type, error.exception_message].filter(Boolean).join(': '),
      );
    if (interrupted.safeParse(message).success) throw failed('somebody interrupted it');
  }
  if (status && status.status_str !== 'success') throw failed(`the job ended with "${status.status_str}"`);
  const all = Object.values(outputs).flatMap(({ images }) => images ?? []);
  const saved = all.filter(({ type }) => type === 'output');
  const files = saved.length > 0 ? saved : all;
  if (files.length === 0) throw badAnswer('names no picture: the workflow saves none');
  const made: MadeFile[] = [];
  for (const one of files) made.push(await view(ask, one));
  return made;
}

async function view(ask: Ask, { filename, subfolder, type }: OutputFile): Promise<MadeFile> {
  const answer = await get(
    ask,
    `/view?${new URLSearchParams({ filename, subfolder, type })}`,
    MAX_PICTURE_BYTES,
  );
  if (answer.status !== 200) throw badAnswer(`names a picture that can't be had (${answer.status})`);
  return picture(answer.bytes);
}

/**
 * Stops the one of an attempt's jobs that is there. Old servers have no call that stops a job wherever it is, and
 * their interrupt may end whatever runs: it is sent only while that is ours.
 */
export async function cancelJob({ attemptId, handle, ...ask }: StopRequest): Promise<boolean> {
  const ids = Array.from({ length: MAX_JOBS }, (_, index) => jobId(handle ?? attemptId, index));
  const isOurs = (item: readonly unknown[]) => ids.some((id) => id === item[1]);
  const before = await queueOf(ask);
  const id = [...before.queue_running, ...before.queue_pending].find(isOurs)?.[1];
  if (id === undefined) {
    if (await finishedJob(ask, jobId(handle ?? attemptId, 0))) return true;
    const message = 'the node does not know of the job yet';
    throw new NodeFault(message, { side: 'busy', code: 'NODE_ERROR', sent: true });
  }
  const answer = await post(ask, `/api/jobs/${id}/cancel`, {});
  if (answer.status === 200) return true;
  if (answer.status !== 404 && answer.status !== 405) throw refusal(answer);
  await post(ask, '/queue', { delete: [id] });
  const { queue_running: running } = await queueOf(ask);
  if (running.some(isOurs)) await post(ask, '/interrupt', { prompt_id: id });
  return true;
}
