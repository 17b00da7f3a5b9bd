import { type Client, ListNodesDocument, RemoveNodeDocument } from '../../sdk/src/index.ts';
import { createSimulator, type SimulatorOptions } from '../../simulator/index.ts';
import type { GpuNodeEntry } from '../config.ts';

type Offer = GpuNodeEntry['offers'][number];
const pictures: Offer = { kind: 'TEXT_TO_IMAGE', models: ['qwen-image'] };
const speech: Offer = { kind: 'SPEECH_TO_TEXT', models: ['whisper-large-v3'] };
const models: Offer = { kind: 'IMAGE_TO_3D', models: ['hunyuan3d-2.1'] };

const texts: Offer = { kind: 'TEXT_GENERATION', models: ['qwen3'] };
const meanings: Offer = { kind: 'EMBEDDING', models: ['bge-m3'] };
const edits: Offer = { kind: 'IMAGE_TO_IMAGE', models: ['qwen-image-edit'] };

type DemoNode = Pick<GpuNodeEntry, 'name' | 'offers'> & SimulatorOptions;

/** Slow enough to be watched, fast enough not to be waited for. */
const demoNodes: readonly DemoNode[] = [
  { name: 'demo-painter', protocol: 'QWEN_IMAGE_GGUF', offers: [pictures], latencyMs: 1_500 },
  { name: 'demo-sculptor', protocol: 'HUNYUAN3D', offers: [models], latencyMs: 1_500 },
  {
    name: 'demo-allrounder',
    protocol: 'OPENAI',
    offers: [pictures, speech, texts, meanings, edits],
    latencyMs: 2_000,
    slots: 4,
  },
];

export interface DemoNodes extends AsyncDisposable {
  /** As `GPU_NODES` takes them. */
  readonly entries: readonly GpuNodeEntry[];
  /** Takes the nodes out of the server's registry again: without the simulators nobody answers there. */
  unregister(client: Client): Promise<void>;
}

/** Starts the demo's simulated GPU nodes, each on a free port of 127.0.0.1. */
export async function startDemoNodes(): Promise<DemoNodes> {
  await using starting = new AsyncDisposableStack();
  const entries: GpuNodeEntry[] = [];
  for (const { name, offers, ...options } of demoNodes) {
    const { url } = starting.use(await createSimulator(options));
    entries.push({ name, url, protocol: options.protocol, slots: options.slots ?? 1, offers });
  }
  const started = starting.move();
  return {
    entries,
    async unregister(client) {
      const { gpuNodes } = await client.query(ListNodesDocument, {});
      const ours = gpuNodes.filter(({ name }) => entries.some((entry) => entry.name === name));
      for (const { id } of ours) await client.mutate(RemoveNodeDocument, { id });
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
