import { ArtifactType } from '../artifact.ts';
import { builder } from '../builder.ts';
import type { TaggedOutput } from './kind-schema.ts';

/** Of every kind that makes pictures. */
export const ImageResult = builder
  .objectRef<TaggedOutput<'TEXT_TO_IMAGE' | 'IMAGE_TO_IMAGE'>>('ImageResult')
  .implement({
    fields: (t) => ({
      images: t.field({
        type: [ArtifactType],
        description: 'In the order in which the node made them',
        resolve: ({ images }) => images,
      }),
      seed: t.exposeInt('seed', {
        nullable: true,
        description: 'Of the first picture; null where the node tells none',
      }),
    }),
  });
