import { z } from 'zod';
import type { NodeAnswer, NodeClient } from './client.ts';
import { NodeFault } from './fault.ts';
import type { Call, MadeByKind, NodeProtocol, Readiness } from './protocol.ts';
import { badAnswer, isJson } from './support/answer.ts';
import { orForget } from './support/forget.ts';
import { pictureAsBase64 } from './support/input-picture.ts';
import { glbLength, MAX_MODEL_BYTES, modelFiles } from './support/models.ts';
import { poll } from './support/poll.ts';
import { checkReadiness, notReady, READY } from './support/readiness.ts';
import { failed, refusal } from './support/refusal.ts';

// Base64 of two models: newer builds send the one without texture along.
const MAX_STATUS_BYTES = Math.ceil((2 * MAX_MODEL_BYTES * 4) / 3);
const MAX_UID_BYTES = 64 * 1024;
/** A server that says nothing for so long, as it may while it works, is asked again. */
const SILENCE_MS = 60_000;

type Made = MadeByKind['IMAGE_TO_3D'];

const sent = z.object({ uid: z.string().min(1).max(200) });
const status = z.object({ status: z.string(), model_base64: z.string().nullish() });
const errorInside = z.object({ error_code: z.number(), text: z.string() });
const health = z.object({ status: z.string() });

/** Only GLB files are found again by their job's name: others come as the answer to one long call. */
function imageTo3d(call: Call<'IMAGE_TO_3D'>): Promise<Made> {
  return call.input.format === 'GLB' ? fromJob(call) : fromAnswer(call);
}

async function post(call: Call<'IMAGE_TO_3D'>, path: string, maxBytes: number): Promise<NodeAnswer> {
  const { node, input, media, signal } = call;
  const { texture, seed, format } = input;
  const image = await pictureAsBase64(media);
  const answer = await node.request({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image, texture, seed, type: format.toLowerCase() }),
    signal,
    maxBytes,
  });
  if (answer.status !== 200) throw faultOf(answer);
  return answer;
}

/** Each of its own failures is a 404 with a number in it, whoever is at fault. */
function faultOf(answer: NodeAnswer): NodeFault {
  const own = isJson(answer) ? errorInside.safeParse(answer.json()) : undefined;
  return own?.success ? failed(own.data.text) : refusal(answer);
}

async function fromAnswer(call: Call<'IMAGE_TO_3D'>): Promise<Made> {
  const { bytes } = await post(call, '/generate', MAX_MODEL_BYTES);
  return { files: await modelFiles(bytes) };
}

async function fromJob(call: Call<'IMAGE_TO_3D'>): Promise<Made> {
  const glb = (await glbLeft(call)) ?? (await glbOf(call, await send(call)));
  call.signal.throwIfAborted();
  return { files: await orForget(call, () => modelFiles(glb)) };
}

/** Of the job that an earlier attempt sent; null where there is none, or it has had its time. */
async function glbLeft(call: Call<'IMAGE_TO_3D'>): Promise<Uint8Array | null> {
  const { remote, node, signal } = call;
  if (remote.handle === null) return null;
  if (!remote.isOverdue) return glbOf(call, remote.handle);
  const found = await look(node, remote.handle, { signal });
  if (found === undefined) await remote.forget();
  return found ?? null;
}

async function send(call: Call<'IMAGE_TO_3D'>): Promise<string> {
  const body = sent.safeParse((await post(call, '/send', MAX_UID_BYTES)).json());
  if (!body.success) throw badAnswer('names no job');
  await call.remote.keep(body.data.uid);
  return body.data.uid;
}

async function glbOf(
  { node, remote, signal, progress }: Call<'IMAGE_TO_3D'>,
  uid: string,
): Promise<Uint8Array> {
  let told = '';
  const tell = (word: string): void => {
    if (word !== told) progress(null, word);
    told = word;
  };
  try {
    return await poll(() => look(node, uid, { signal, tell }), { signal });
  } catch (error) {
    // Its jobs are threads of a server that is gone.
    if (error instanceof NodeFault && error.code === 'NODE_UNREACHABLE') await remote.forget();
    throw error;
  }
}

interface Look {
  readonly signal: AbortSignal;
  tell?(word: string): void;
}

/**
 * Undefined while it is not done. A job that failed, and one that nobody knows, is never done: how long to wait is
 * the caller's to know.
 */
async function look(node: NodeClient, uid: string, { signal, tell }: Look): Promise<Uint8Array | undefined> {
  const answer = await statusOf(node, uid, signal);
  if (answer === null) return undefined;
  if (answer.status !== 200) throw faultOf(answer);
  const body = status.safeParse(answer.json());
  if (!body.success) throw badAnswer('is no status of a job');
  const { status: word, model_base64: base64 } = body.data;
  if (word !== 'completed') tell?.(word.slice(0, 100));
  if (word !== 'completed' || base64 == null) return undefined;
  const glb = Buffer.from(base64, 'base64');
  // Older builds send the file while they still write it.
  const isPart = glb.length === 0 || (glbLength(glb) ?? 0) > glb.length;
  return isPart ? undefined : glb;
}

/** Null where it says nothing in time. */
async function statusOf(node: NodeClient, uid: string, signal: AbortSignal): Promise<NodeAnswer | null> {
  const silence = AbortSignal.timeout(SILENCE_MS);
  try {
    return await node.request({
      method: 'GET',
      path: `/status/${encodeURIComponent(uid)}`,
      signal: AbortSignal.any([signal, silence]),
      maxBytes: MAX_STATUS_BYTES,
    });
  } catch (error) {
    if (silence.aborted && !signal.aborted) return null;
    throw error;
  }
}

/** Newer builds have a health page; older ones have but that of their documentation. */
async function ready(node: NodeClient, signal: AbortSignal): Promise<Readiness> {
  const answer = await node.request({ method: 'GET', path: '/health', signal });
  if (answer.status === 404) {
    const docs = await node.request({ method: 'GET', path: '/docs', signal });
    return docs.status === 200 ? READY : notReady(`GET /docs answered ${docs.status}`);
  }
  if (answer.status !== 200) return notReady(`GET /health answered ${answer.status}`);
  const body = health.safeParse(answer.json());
  if (!body.success) return notReady('GET /health answered no status');
  return body.data.status === 'healthy' ? READY : notReady(`the node says "${body.data.status}"`);
}

/**
 * The api_server of Hunyuan3D-2 and 2.1. While it works it may answer nothing, its health page included; it
 * can't be stopped; and its jobs end with it.
 */
export const hunyuan3d: NodeProtocol<'HUNYUAN3D'> = {
  name: 'HUNYUAN3D',
  description: 'The api_server of Hunyuan3D',
  stop: 'none',
  run: { IMAGE_TO_3D: imageTo3d },
  ready: (node, signal) => checkReadiness(signal, () => ready(node, signal)),
};
