import { randomUUID } from 'node:crypto';
import {
  createSimulator,
  drawPicture,
  type Simulator,
  type SimulatorOptions,
  speak,
} from '../../../simulator/index.ts';
import type { KindInput, KindName, Media } from '../../../src/kinds/index.ts';
import {
  type Call,
  createNodeClient,
  type MadeByKind,
  type MadeFile,
  type NodeClient,
  NodeFault,
  type NodeProtocol,
  type RemoteJob,
} from '../../../src/nodes/protocols/index.ts';

/** A client that `await using` closes. */
export function clientOf(
  url: string,
  options: Partial<Parameters<typeof createNodeClient>[0]> = {},
): NodeClient & AsyncDisposable {
  const client = createNodeClient({ url: new URL(url), slots: 4, token: 'test-id:test-key', ...options });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

/** A simulated node with a client of it; `await using` closes both. */
export async function openSimulated(
  options: SimulatorOptions,
): Promise<AsyncDisposable & { readonly simulator: Simulator; readonly node: ReturnType<typeof clientOf> }> {
  const simulator = await createSimulator(options);
  const node = clientOf(simulator.url);
  const close = async () => {
    await node.close();
    await simulator.close();
  };
  return { simulator, node, [Symbol.asyncDispose]: close };
}

export function mediaOf(bytes: Uint8Array, pcm?: Media['pcm']): Media {
  return {
    fileName: pcm ? 'audio.pcm' : 'audio.wav',
    mimeType: pcm ? 'application/octet-stream' : 'audio/wav',
    sizeBytes: bytes.length,
    ...(pcm ? { pcm } : {}),
    blob: async () => new Blob([Uint8Array.from(bytes)]),
  };
}

export function pictureOf(bytes: Uint8Array, mimeType = 'image/png'): Media {
  const blob = async () => new Blob([Uint8Array.from(bytes)], { type: mimeType });
  return { fileName: 'image.png', mimeType, sizeBytes: bytes.length, blob };
}

interface Sample<K extends KindName> {
  readonly input: KindInput<K>;
  readonly media: readonly Media[];
}

/** A task of each kind that every protocol for it can do. */
const samples: { readonly [K in KindName]: Sample<K> } = {
  TEXT_TO_IMAGE: { input: { prompt: 'a lighthouse at dawn', count: 1 }, media: [] },
  SPEECH_TO_TEXT: {
    input: { audio: { url: 'https://example.com/speech.wav' }, timestamps: false },
    media: [mediaOf(speak('go forward ten meters'))],
  },
  IMAGE_TO_3D: {
    input: { image: { url: 'https://example.com/pot.png' }, format: 'GLB', texture: true },
    media: [pictureOf(await drawPicture({ prompt: 'a clay pot', seed: 3, width: 64, height: 64 }))],
  },
  TEXT_GENERATION: { input: { prompt: 'go forward ten meters', maxTokens: 12 }, media: [] },
  DOCUMENT: {
    input: {
      file: { url: 'https://example.com/a.pdf' },
      ...{ knowledgeBaseId: '00000000-0000-7000-8000-000000000000', name: 'a.pdf' },
      ...{ chunkSize: 1_000, chunkOverlap: 200 },
    },
    media: [],
  },
  EMBEDDING: { input: { texts: ['go forward ten meters', 'turn on the kitchen lights'] }, media: [] },
  IMAGE_TO_IMAGE: {
    input: { image: { url: 'https://example.com/pot.png' }, prompt: 'made of gold', count: 1 },
    media: [pictureOf(await drawPicture({ prompt: 'a clay pot', seed: 3, width: 64, height: 64 }))],
  },
  CUSTOM: { input: { type: 'test-model', payload: { text: 'go forward ten meters' } }, media: [] },
};

export interface Report {
  readonly value: number | null;
  readonly message: string | undefined;
}

export interface Asked<K extends KindName> {
  readonly node: NodeClient;
  readonly input?: Partial<KindInput<K>>;
  readonly media?: readonly Media[];
  readonly model?: string;
  readonly signal?: AbortSignal;
  readonly reports?: Report[];
  readonly previews?: MadeFile[];
  readonly pieces?: string[];
  readonly attemptId?: string;
  readonly workflow?: Call<K>['workflow'];
  readonly remote?: RemoteJob;
}

/** What an attempt finds of the one before it, and a record of what it does with it. */
export function remoteJob(
  found: Partial<Pick<RemoteJob, 'handle' | 'isOverdue'>> = {},
): RemoteJob & { readonly record: string[] } {
  const record: string[] = [];
  return {
    ...{ handle: null, isOverdue: false, ...found },
    record,
    submitting: async () => void record.push('submitting'),
    keep: async (handle) => void record.push(`keep ${handle}`),
    forget: async () => void record.push('forget'),
  };
}

/** Has the node do the kind's sample, or what differs from it. */
export async function perform<K extends KindName>(
  protocol: NodeProtocol,
  kind: K,
  asked: Asked<K>,
): Promise<MadeByKind[K]> {
  const { node, input, media, model = 'test-model', signal = AbortSignal.timeout(15_000) } = asked;
  const run: ((call: Call<K>) => Promise<MadeByKind[K]>) | undefined = protocol.run[kind];
  if (run === undefined) throw new Error(`${protocol.name} doesn't do ${kind}`);
  const sample: Sample<K> = samples[kind];
  return run({
    node,
    model,
    input: { ...sample.input, ...input },
    media: media ?? sample.media,
    workflow: asked.workflow ?? null,
    attemptId: asked.attemptId ?? randomUUID(),
    signal,
    progress: (value, message) => void asked.reports?.push({ value, message }),
    write: (piece) => void asked.pieces?.push(piece),
    preview: (picture) => void asked.previews?.push(picture),
    remote: asked.remote ?? remoteJob(),
  });
}

/** The fault that the work fails with; other errors are thrown. */
export async function faultOf(work: Promise<unknown>): Promise<NodeFault> {
  try {
    await work;
  } catch (error) {
    if (error instanceof NodeFault) return error;
    throw error;
  }
  throw new Error('the call succeeded');
}
