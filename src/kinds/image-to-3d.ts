import { z } from 'zod';
import type { Kind } from './kind.ts';
import { madeFile, pictureReference } from './media.ts';
import { seed } from './seed.ts';

const imageTo3dInput = z.strictObject({
  image: pictureReference,
  format: z.enum(['GLB', 'OBJ', 'STL']).default('GLB'),
  /** Left out: as the node does it by itself. */
  texture: z.boolean().optional(),
  seed: seed.optional(),
});

/** The model itself first. */
const modelOutput = z.strictObject({
  files: z.array(madeFile).min(1),
  preview: madeFile.optional(),
});

export type ImageTo3dInput = z.infer<typeof imageTo3dInput>;
export type ModelOutput = z.infer<typeof modelOutput>;

/** Painting a model takes about twice as long as shaping it. */
const TEXTURED_COST = 3;

/** A unit is a model without its texture. */
export const imageTo3d: Kind<'IMAGE_TO_3D', ImageTo3dInput, ModelOutput> = {
  name: 'IMAGE_TO_3D',
  slug: 'image-to-3d',
  field: 'imageTo3d',
  input: imageTo3dInput,
  output: modelOutput,
  timeoutMs: 900_000,
  cost: ({ texture }) => (texture ? TEXTURED_COST : 1),
  media: ({ image }) => [image],
  mediaSort: 'image',
  files: ({ files }) => files,
  secondsPerUnit: 40,
};
