import type { SimulatorSettings } from '../settings.ts';

export const UNNAMED = 'simulated';

interface GraphNode {
  readonly class_type?: unknown;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

export type Graph = Readonly<Record<string, GraphNode>>;

interface NodeError {
  readonly class_type: unknown;
  readonly errors: { readonly type: string; readonly message: string; readonly details: string }[];
}

export type NodeErrors = Readonly<Record<string, NodeError>>;

/** What a graph comes to. */
export interface Drawing {
  /** The texts of all that is encoded. */
  readonly prompt: string;
  readonly prompt_text: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly count: number;
  /** The name of the file that it begins with, where it does. */
  readonly from?: string;
  readonly strength?: number;
  /** The ids of the nodes that sample and that save. */
  readonly sampler: string;
  readonly node: string;
  readonly type: 'output' | 'temp';
}

type Check = (value: unknown, settings: SimulatorSettings) => string | null;

const whole =
  (min: number, max: number): Check =>
  (value) => {
    if (!Number.isInteger(value)) return 'Failed to convert an input value to a INT value';
    if (Number(value) < min) return `Value ${value} smaller than min of ${min}`;
    return Number(value) > max ? `Value ${value} bigger than max of ${max}` : null;
  };
const string: Check = (value) =>
  typeof value === 'string' ? null : 'Return type mismatch between linked nodes';
const number: Check = (value) =>
  typeof value === 'number' ? null : 'Failed to convert an input value to a FLOAT value';
const link: Check = (value) => (Array.isArray(value) ? null : 'Required input is missing');
const checkpoint: Check = (value, { models }) => {
  const isThere = models === null || models.some((name) => value === `${name}.safetensors`);
  return isThere ? null : `Value not in list: '${value}' not in ${JSON.stringify(models)}`;
};

/** The nodes that it has, and what their inputs must be. */
const classes: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  CheckpointLoaderSimple: { ckpt_name: checkpoint },
  CLIPTextEncode: { text: string, clip: link },
  EmptyLatentImage: { width: whole(16, 16_384), height: whole(16, 16_384), batch_size: whole(1, 4_096) },
  LoadImage: { image: string },
  ImageScale: { image: link, width: whole(0, 16_384), height: whole(0, 16_384) },
  VAEEncode: { pixels: link, vae: link },
  RepeatLatentBatch: { samples: link, amount: whole(1, 64) },
  KSampler: {
    seed: whole(0, 2 ** 53),
    steps: whole(1, 10_000),
    cfg: number,
    denoise: (value, settings) => (value === undefined ? null : number(value, settings)),
    model: link,
    latent_image: link,
  },
  VAEDecode: { samples: link, vae: link },
  SaveImage: { images: link, filename_prefix: string },
  PreviewImage: { images: link },
};

/** Validates a graph as the server does, and reads off what is to be drawn. */
export function drawingIn(
  graph: Graph,
  settings: SimulatorSettings,
): { readonly drawing?: Drawing; readonly errors: NodeErrors } {
  const errors: Record<string, NodeError> = {};
  for (const [id, { class_type: name, inputs = {} }] of Object.entries(graph)) {
    const checks = classes[String(name)] ?? { class_type: () => `Node '${name}' not found` };
    for (const [input, check] of Object.entries(checks)) {
      const message = check(inputs[input], settings);
      if (message === null) continue;
      errors[id] ??= { class_type: name, errors: [] };
      errors[id].errors.push({ type: 'invalid_input', message, details: input });
    }
  }
  const of = (...names: string[]) =>
    Object.entries(graph).filter(([, { class_type: name }]) => names.includes(String(name)));
  const [sampler] = of('KSampler');
  const [loader] = of('LoadImage');
  const [latent] = loader ? of('ImageScale') : of('EmptyLatentImage');
  const [repeat] = of('RepeatLatentBatch');
  const [saver] = [...of('SaveImage'), ...of('PreviewImage')];
  if (Object.keys(errors).length > 0 || !sampler || !latent || !saver) return { errors };
  const texts = of('CLIPTextEncode').map(([, { inputs = {} }]) => String(inputs.text));
  const [{ seed, steps, denoise }, { width, height, batch_size: count = repeat?.[1].inputs?.amount ?? 1 }] = [
    sampler[1].inputs ?? {},
    latent[1].inputs ?? {},
  ];
  const drawing = {
    prompt: texts.join('\n'),
    prompt_text: texts[0] ?? '',
    ...{ seed: Number(seed), steps: Number(steps), width: Number(width), height: Number(height) },
    count: Number(count),
    ...(loader ? { from: String(loader[1].inputs?.image), strength: Number(denoise) } : {}),
    sampler: sampler[0],
    node: saver[0],
    type: saver[1].class_type === 'SaveImage' ? ('output' as const) : ('temp' as const),
  };
  return { drawing, errors };
}
