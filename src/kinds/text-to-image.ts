import { z } from 'zod';
import type { Kind } from './kind.ts';
import { madeFile } from './media.ts';
import { seed } from './seed.ts';

const side = z.number().int().min(16).max(4096);

/** What all pictures are asked for with. */
export const drawingInput = z.strictObject({
  prompt: z.string().min(1).max(10_000),
  negativePrompt: z.string().max(10_000).optional(),
  width: side.optional(),
  height: side.optional(),
  steps: z.number().int().min(1).max(200).optional(),
  guidanceScale: z.number().min(0).max(100).optional(),
  seed: seed.optional(),
  count: z.number().int().min(1).max(8).default(1),
});

/** In the order in which the node made them. */
export const imageOutput = z.strictObject({
  images: z.array(madeFile).min(1),
  // Larger ones, which some nodes choose, could not be asked for again.
  seed: seed.optional().catch(undefined),
});

export type TextToImageInput = z.infer<typeof drawingInput>;
export type ImageOutput = z.infer<typeof imageOutput>;

const DEFAULT_SIDE = 1024;
const DEFAULT_STEPS = 20;

/** The work on pictures of that size, as far as it is given. */
export function megapixelSteps({
  width = DEFAULT_SIDE,
  height = DEFAULT_SIDE,
  steps = DEFAULT_STEPS,
  count,
}: Pick<TextToImageInput, 'width' | 'height' | 'steps' | 'count'>): number {
  return ((width * height) / 1_000_000) * steps * count;
}

/** A unit is a megapixel-step. */
export const textToImage: Kind<'TEXT_TO_IMAGE', TextToImageInput, ImageOutput> = {
  name: 'TEXT_TO_IMAGE',
  slug: 'text-to-image',
  field: 'textToImage',
  input: drawingInput,
  output: imageOutput,
  timeoutMs: 120_000,
  cost: megapixelSteps,
  media: () => [],
  files: ({ images }) => images,
  secondsPerUnit: 0.5,
};
