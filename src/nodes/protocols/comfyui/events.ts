import { z } from 'zod';
import type { NodeClient, NodeSocket } from '../client.ts';
import { NodeFault } from '../fault.ts';
import type { MadeFile } from '../protocol.ts';
import { previewOf } from '../support/images.ts';
import { waitFor } from '../support/poll.ts';
import type { Workflow } from './workflow.ts';

/** While events come, what became of the job is asked for only so often. */
const SAFETY_MS = 5_000;

/** Of binary messages: what their first 32 bits say. */
const PREVIEW = 1;
const PREVIEW_WITH_METADATA = 4;
const WORD_BYTES = 4;

const message = z.object({
  type: z.string(),
  data: z.object({
    prompt_id: z.string().nullish(),
    node: z.string().nullish(),
    value: z.number().nullish(),
    max: z.number().nullish(),
    nodes: z
      .record(z.string(), z.object({ value: z.number(), max: z.number() }))
      .nullish()
      .catch(null),
  }),
});
type Message = z.infer<typeof message>;

export interface WatchOptions {
  readonly node: NodeClient;
  /** Of the job, which is the name of its socket too: events go to no other. */
  readonly id: string;
  readonly workflow: Workflow;
  readonly signal: AbortSignal;
  progress(value: number, text: string): void;
  preview(picture: MadeFile): void;
}

export interface Watch extends Disposable {
  /** Resolves when the job seems to have ended; with no events to go by, after so many milliseconds. */
  pause(ms: number): Promise<void>;
}

/** Listens to what the node tells of a job. One whose socket can't be opened, or closes, tells nothing. */
export async function watchJob(options: WatchOptions): Promise<Watch> {
  const { node, id, signal } = options;
  let ended = Promise.withResolvers<void>();
  const tell = listener(options, () => ended.resolve());
  const socket = await open(node, id, signal, tell);
  let isOpen = socket !== null;
  void socket?.closed.then(() => {
    isOpen = false;
    ended.resolve();
  });
  return {
    async pause(ms) {
      if (!isOpen) return waitFor(ms, signal);
      const rest = new AbortController();
      const waiting = waitFor(SAFETY_MS, AbortSignal.any([rest.signal, signal])).catch(() => undefined);
      await Promise.race([ended.promise, waiting]);
      rest.abort();
      ended = Promise.withResolvers();
    },
    [Symbol.dispose]: () => socket?.close(),
  };
}

async function open(
  node: NodeClient,
  id: string,
  signal: AbortSignal,
  onMessage: (data: string | Uint8Array) => void,
): Promise<NodeSocket | null> {
  try {
    const socket = await node.socket(`/ws?clientId=${id}`, { signal, onMessage });
    socket.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }));
    return socket;
  } catch (error) {
    // It is asked for what becomes of the job, then.
    if (error instanceof NodeFault) return null;
    throw error;
  }
}

function listener({ id, workflow, progress, preview }: WatchOptions, onEnd: () => void) {
  const steps = createSteps(workflow);
  return (data: string | Uint8Array) => {
    if (typeof data !== 'string') {
      const picture = pictureIn(data);
      if (picture) preview(picture);
      return;
    }
    const event = messageIn(data);
    if (event?.data.prompt_id !== id) return;
    const value = steps(event.data);
    if (value !== null) progress(value, stepText(event.data));
    const isEnd = /^execution_(success|error|interrupted)$/.test(event.type);
    if (isEnd || (event.type === 'executing' && event.data.node === null)) onEnd();
  };
}

function messageIn(text: string): Message | undefined {
  try {
    return message.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // What is no JSON tells nothing.
  }
}

function pictureIn(data: Uint8Array): MadeFile | null {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length < 2 * WORD_BYTES) return null;
  const event = bytes.readUInt32BE(0);
  if (event === PREVIEW) return previewOf(bytes.subarray(2 * WORD_BYTES));
  if (event !== PREVIEW_WITH_METADATA) return null;
  return previewOf(bytes.subarray(2 * WORD_BYTES + bytes.readUInt32BE(WORD_BYTES)));
}

function stepText({ value, max, nodes }: Message['data']): string {
  const running = value != null && max != null ? { value, max } : Object.values(nodes ?? {}).at(-1);
  return running === undefined ? 'working' : `step ${running.value} of ${running.max}`;
}

/**
 * How far a workflow is: the mean of its samplers, which is where the time goes; of a workflow without any, of the
 * nodes that tell of themselves. Answers null for an event without news, and never less than before.
 */
function createSteps(workflow: Workflow): (data: Message['data']) => number | null {
  const samplers = new Set(
    Object.keys(workflow).filter((node) => /sampler(?!select)/i.test(workflow[node]?.class_type ?? '')),
  );
  const shares = new Map<string, number>();
  let told = 0;
  return ({ node, value, max, nodes }) => {
    const news = { ...nodes, ...(node && value != null && max != null ? { [node]: { value, max } } : {}) };
    let isNews = false;
    for (const [name, state] of Object.entries(news)) {
      if (state.max <= 1 || (samplers.size > 0 && !samplers.has(name))) continue;
      shares.set(name, Math.min(1, state.value / state.max));
      isNews = true;
    }
    if (!isNews) return null;
    const sum = [...shares.values()].reduce((total, share) => total + share, 0);
    told = Math.max(told, sum / Math.max(samplers.size, shares.size));
    return told;
  };
}
