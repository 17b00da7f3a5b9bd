import { z } from 'zod';
import type { NodeAnswer, NodeClient } from './client.ts';
import { NodeFault } from './fault.ts';
import type { Call, MadeByKind, MadeFile, NodeProtocol, Readiness, StopRequest } from './protocol.ts';
import { badAnswer } from './support/answer.ts';
import { customResult, fetchedFile } from './support/custom-result.ts';
import { type JsonEvent, jsonEvents } from './support/json-events.ts';
import { waitFor } from './support/poll.ts';
import { checkReadiness, notReady } from './support/readiness.ts';
import { errorText, failed, full, refusal, rejected } from './support/refusal.ts';

const MAX_ANSWER_BYTES = 384 * 1024 * 1024;
const MAX_MESSAGE = 200;
const STOPPING_PAUSE_MS = 50;

const payloadObject = z.record(z.string(), z.unknown());
const prediction = z.looseObject({
  status: z.string(),
  output: z.unknown().optional(),
  error: z.string().nullish(),
});
const log = z.object({ data: z.string() });
const metric = z.object({ name: z.literal('progress'), value: z.number().min(0).max(1) });
const health = z.looseObject({
  status: z.string(),
  user_healthcheck_error: z.string().nullish(),
});

type Prediction = z.infer<typeof prediction>;

const pathOf = (id: string): string => `/predictions/${encodeURIComponent(id)}`;

/**
 * Asks for a stream first, which only models that opted in give: others answer 406 before they begin, and old
 * servers ignore the wish. An id is never sent again while it may be at work, since old servers die of that.
 */
async function predict({ node, input, attemptId, signal, progress }: Call<'CUSTOM'>): Promise<Prediction> {
  const payload = payloadObject.safeParse(input.payload);
  if (!payload.success) throw rejected('the payload of a Cog model is an object: the names of its inputs');
  let last: unknown;
  const events = jsonEvents((event) => {
    if (event.name === 'completed') last = event.data;
    else tell(event, progress);
  });
  const put = (headers: Record<string, string>) =>
    node.request({
      method: 'PUT',
      path: pathOf(attemptId),
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ input: payload.data }),
      signal,
      maxBytes: MAX_ANSWER_BYTES,
      onData: events.onData,
    });
  const streamed = await put({ accept: 'text/event-stream' });
  events.end();
  if (last !== undefined) return predictionOf(last);
  const answer = streamed.status === 406 ? await put({}) : streamed;
  if (answer.status !== 200) throw faultOf(answer);
  return predictionOf(answer.json());
}

/** A model tells how far it is with a metric of the name `progress`. Its log is for people. */
function tell({ name, data }: JsonEvent, progress: Call<'CUSTOM'>['progress']): void {
  const told = metric.safeParse(data);
  if (name === 'metric' && told.success) progress(told.data.value);
  const logged = log.safeParse(data);
  const line = logged.success
    ? logged.data.data
        .trim()
        .split(/[\r\n]/)
        .at(-1)
    : undefined;
  if (name === 'log' && line) progress(null, line.slice(0, MAX_MESSAGE));
}

function predictionOf(value: unknown): Prediction {
  const parsed = prediction.safeParse(value);
  if (parsed.success) return parsed.data;
  throw badAnswer('is no prediction');
}

function faultOf(answer: NodeAnswer) {
  // All slots taken, and still in its setup.
  if (answer.status === 409 || answer.status === 503) return full(errorText(answer));
  return refusal(answer);
}

async function custom(call: Call<'CUSTOM'>): Promise<MadeByKind['CUSTOM']> {
  const { status, output, error } = await predict(call);
  if (status !== 'succeeded') throw failed(error ?? `the prediction is ${status}`);
  return resultOf(output, call);
}

/** Files come as data URLs, or as URLs where the server uploads them: such links expire. */
async function resultOf(output: unknown, call: Call<'CUSTOM'>): Promise<MadeByKind['CUSTOM']> {
  const { node, signal } = call;
  const urls = [output].flat();
  if (!urls.every(isUrl) || urls.length === 0) return customResult(output, (text) => fileBehind(text, call));
  const files: MadeFile[] = [];
  for (const url of urls) files.push(await fetchedFile(url, node, signal));
  return { value: null, files };
}

/** Among other values a link may be to anything: one that can't be fetched as a file stays what it is. */
async function fileBehind(text: string, { node, signal }: Call<'CUSTOM'>): Promise<MadeFile | null> {
  if (!isUrl(text) || !/\/[^/]+\.\w{2,5}$/.test(new URL(text).pathname)) return null;
  try {
    const file = await fetchedFile(text, node, signal);
    return /^text\/html/.test(file.mimeType) ? null : file;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NodeFault) return null;
    throw error;
  }
}

function isUrl(value: unknown): value is string {
  return typeof value === 'string' && /^https?:\/\/\S+$/.test(value) && URL.canParse(value);
}

/** The server only notes the wish. That a slot of it is free again says that the model has obeyed. */
async function cancel({ node, attemptId, signal }: StopRequest): Promise<boolean> {
  const answer = await node.request({ method: 'POST', path: `${pathOf(attemptId)}/cancel`, signal });
  if (answer.status === 404) throw failed('it knows of no such prediction, or not yet');
  if (answer.status !== 200) throw refusal(answer);
  while ((await healthOf(node, signal)).status === 'BUSY') {
    await waitFor(STOPPING_PAUSE_MS, signal);
  }
  return true;
}

async function healthOf(node: NodeClient, signal: AbortSignal): Promise<z.infer<typeof health>> {
  const answer = await node.request({ method: 'GET', path: '/health-check', signal });
  if (answer.status !== 200) throw refusal(answer);
  const body = health.safeParse(answer.json());
  if (body.success) return body.data;
  throw badAnswer('to GET /health-check has no status');
}

/** Its answer is always a 200: the body tells. */
async function ready(node: NodeClient, signal: AbortSignal): Promise<Readiness> {
  const { status, user_healthcheck_error: why } = await healthOf(node, signal);
  if (status === 'BUSY') return { ready: true, idle: false };
  // With several slots some may be at work: a call too many is refused with a 409, which costs nothing.
  if (status === 'READY') return { ready: true, idle: true };
  return notReady(`the node says "${status}"${why ? `: ${why}` : ''}`);
}

/** Models in containers that Cog built (Replicate's): https://cog.run/http */
export const cog: NodeProtocol<'COG'> = {
  name: 'COG',
  description: 'Models in containers that Cog has packed',
  stop: 'api',
  run: { CUSTOM: custom },
  ready: (node, signal) => checkReadiness(signal, () => ready(node, signal)),
  cancel,
};
