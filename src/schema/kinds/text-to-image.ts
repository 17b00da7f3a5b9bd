import { ArtifactType } from '../artifact.ts';
import { builder } from '../builder.ts';
import { given } from '../given.ts';
import { kindSchema, type TaggedOutput } from './kind-schema.ts';

const TextToImageInput = builder.inputType('TextToImageInput', {
  description:
    'Limits: prompt 1 to 10,000 characters; width and height 16 to 4,096; steps 1 to 200; count 1 to 8',
  fields: (t) => ({
    prompt: t.string({ required: true }),
    negativePrompt: t.string(),
    model: t.string(),
    width: t.int(),
    height: t.int(),
    steps: t.int(),
    guidanceScale: t.float(),
    seed: t.int(),
    count: t.int({ defaultValue: 1 }),
  }),
});

const ImageResult = builder.objectRef<TaggedOutput<'TEXT_TO_IMAGE'>>('ImageResult').implement({
  fields: (t) => ({
    images: t.field({ type: [ArtifactType], resolve: ({ images }) => images }),
    seed: t.exposeInt('seed', { nullable: true }),
  }),
});

export const textToImage = kindSchema({
  kind: 'TEXT_TO_IMAGE',
  input: TextToImageInput,
  result: ImageResult,
  async read({ model, ...input }) {
    return { model: model ?? null, input: given(input) };
  },
});
