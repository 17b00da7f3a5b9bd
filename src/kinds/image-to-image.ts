import { z } from 'zod';
import type { Kind } from './kind.ts';
import { pictureReference } from './media.ts';
import { drawingInput, type ImageOutput, imageOutput, megapixelSteps } from './text-to-image.ts';

const imageToImageInput = drawingInput.extend({
  image: pictureReference,
  /** How much may change: 0 nothing, 1 everything. Left out: as the node likes. */
  strength: z.number().min(0).max(1).optional(),
});

export type ImageToImageInput = z.infer<typeof imageToImageInput>;

/** A unit is a megapixel-step. */
export const imageToImage: Kind<'IMAGE_TO_IMAGE', ImageToImageInput, ImageOutput> = {
  name: 'IMAGE_TO_IMAGE',
  slug: 'image-to-image',
  field: 'imageToImage',
  input: imageToImageInput,
  output: imageOutput,
  timeoutMs: 120_000,
  // Weaker changes begin later on the way, and take as many steps less.
  cost: ({ strength = 1, ...input }) => megapixelSteps(input) * Math.max(strength, 0.1),
  media: ({ image }) => [image],
  mediaSort: 'image',
  files: ({ images }) => images,
  secondsPerUnit: 0.5,
};
