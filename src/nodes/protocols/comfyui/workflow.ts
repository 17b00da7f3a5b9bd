import { z } from 'zod';
import type { KindName } from '../../../kinds/index.ts';

/** What a caller may leave out has a value here, or one of the template's own: `{{steps|8}}`. */
const STANDARDS: Readonly<Record<string, string | number>> = {
  negative_prompt: '',
  width: 1024,
  height: 1024,
  steps: 20,
  guidance_scale: 7,
  strength: 0.75,
};

const OF_PICTURES = [
  ...['negative_prompt', 'width', 'height', 'steps', 'guidance_scale', 'seed', 'count'],
  ...['model', 'checkpoint'],
];

/** The placeholders of each kind that workflows are run for; the first must be in every template. */
const PLACEHOLDERS: { readonly [K in KindName]?: readonly [string, ...string[]] } = {
  TEXT_TO_IMAGE: ['prompt', ...OF_PICTURES],
  IMAGE_TO_IMAGE: ['image', 'prompt', 'strength', ...OF_PICTURES],
};

const PLACEHOLDER = /\{\{\s*(\w+)\s*(?:\|([^{}]*))?\}\}/g;

const FORMAT = 'must be in the API format, as "Export (API)" writes it: nodes with class_type and inputs';

const workflowNode = z.looseObject(
  { class_type: z.string().min(1), inputs: z.record(z.string(), z.unknown()) },
  { error: FORMAT },
);

const workflow = z.record(z.string(), workflowNode, { error: FORMAT });

/** A workflow as ComfyUI's "Export (API)" writes it, nodes by their ids, with placeholders in its texts. */
export type Workflow = Readonly<z.infer<typeof workflow>>;

/** What a template for that kind must look like; null for a kind that no workflow is run for. */
export function workflowFor(kind: KindName): z.ZodType<Workflow> | null {
  const known = PLACEHOLDERS[kind];
  if (known === undefined) return null;
  return workflow.superRefine((template, context) => {
    const issue = (message: string) => context.addIssue({ code: 'custom', message });
    const used = placeholdersOf(template);
    if (!used.has(known[0])) issue(`has no {{${known[0]}}}`);
    for (const name of used) {
      if (!known.includes(name))
        issue(`{{${name}}} is none of ${known.map((one) => `{{${one}}}`).join(', ')}`);
    }
  });
}

/** The names of the placeholders that a template uses. */
export function placeholdersOf(template: Workflow): ReadonlySet<string> {
  const names = JSON.stringify(template).matchAll(PLACEHOLDER);
  return new Set([...names].map(([, name = '']) => name));
}

/** What goes into placeholders, by their names. */
export type Values = Readonly<Record<string, string | number | undefined>>;

/**
 * The template with values in the place of its placeholders. A text that is nothing but a placeholder becomes the
 * value itself, so that numbers are numbers; values are never searched for placeholders again.
 */
export function fill(template: Workflow, values: Values): Workflow {
  const valueFor = (name: string, own: string | undefined) =>
    values[name] ?? (own === undefined ? STANDARDS[name] : parsed(own)) ?? '';
  const fillText = (text: string): string | number => {
    const [whole] = text.trim().matchAll(PLACEHOLDER);
    if (whole !== undefined && whole[0] === text.trim()) return valueFor(whole[1] ?? '', whole[2]);
    return text.replace(PLACEHOLDER, (_, name: string, own?: string) => String(valueFor(name, own)));
  };
  const fillAll = (value: unknown): unknown => {
    if (typeof value === 'string') return fillText(value);
    if (Array.isArray(value)) return value.map(fillAll);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, fillAll(field)]));
  };
  return workflow.parse(fillAll(template));
}

/** A number where it looks like one. */
function parsed(text: string): string | number {
  const trimmed = text.trim();
  return trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

const drawing: Workflow = {
  '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: '{{checkpoint}}' } },
  '2': { class_type: 'CLIPTextEncode', inputs: { text: '{{prompt}}', clip: ['1', 1] } },
  '3': { class_type: 'CLIPTextEncode', inputs: { text: '{{negative_prompt}}', clip: ['1', 1] } },
  '4': {
    class_type: 'EmptyLatentImage',
    inputs: { width: '{{width}}', height: '{{height}}', batch_size: '{{count}}' },
  },
  '5': {
    class_type: 'KSampler',
    inputs: {
      seed: '{{seed}}',
      steps: '{{steps}}',
      cfg: '{{guidance_scale}}',
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 1,
      model: ['1', 0],
      positive: ['2', 0],
      negative: ['3', 0],
      latent_image: ['4', 0],
    },
  },
  '6': { class_type: 'VAEDecode', inputs: { samples: ['5', 0], vae: ['1', 2] } },
  '7': { class_type: 'PreviewImage', inputs: { images: ['6', 0] } },
};

/** The same, but it begins with a picture instead of with nothing. */
const changing: Workflow = {
  ...drawing,
  '4': { class_type: 'LoadImage', inputs: { image: '{{image}}' } },
  '5': {
    class_type: 'KSampler',
    inputs: { ...drawing['5']?.inputs, denoise: '{{strength}}', latent_image: ['10', 0] },
  },
  '8': {
    class_type: 'ImageScale',
    inputs: {
      image: ['4', 0],
      width: '{{width}}',
      height: '{{height}}',
      upscale_method: 'lanczos',
      crop: 'center',
    },
  },
  '9': { class_type: 'VAEEncode', inputs: { pixels: ['8', 0], vae: ['1', 2] } },
  '10': { class_type: 'RepeatLatentBatch', inputs: { samples: ['9', 0], amount: '{{count}}' } },
};

/** For models without a template: a checkpoint of that name draws. Its pictures are not kept on the node. */
export const defaultWorkflows = { TEXT_TO_IMAGE: drawing, IMAGE_TO_IMAGE: changing } as const;
