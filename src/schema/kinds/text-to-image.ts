import { builder } from '../builder.ts';
import { given } from '../given.ts';
import { ImageResult } from './image-result.ts';
import { kindSchema } from './kind-schema.ts';

const TextToImageInput = builder.inputType('TextToImageInput', {
  description:
    'Limits: prompt 1 to 10,000 characters; width and height 16 to 4,096; steps 1 to 200; count 1 to 8',
  fields: (t) => ({
    prompt: t.string({ required: true, description: 'What the picture shows; up to 10,000 characters' }),
    negativePrompt: t.string({ description: 'What it must not show; up to 10,000 characters' }),
    model: t.string({ description: 'One of Query.models; left out: the default of the kind' }),
    width: t.int({ description: 'In pixels, 16 to 4,096; left out: as the node likes' }),
    height: t.int({ description: 'In pixels, 16 to 4,096; left out: as the node likes' }),
    steps: t.int({ description: 'Of denoising, 1 to 200: more take longer; left out: as the node likes' }),
    guidanceScale: t.float({ description: 'How closely it follows the prompt, 0 to 100' }),
    seed: t.int({
      description: 'The same seed and input make the same picture on the same node; left out: any',
    }),
    count: t.int({ defaultValue: 1, description: 'How many pictures, 1 to 8' }),
  }),
});

export const textToImage = kindSchema({
  kind: 'TEXT_TO_IMAGE',
  description: 'Draws pictures from a text',
  input: TextToImageInput,
  result: ImageResult,
  async read({ model, ...input }) {
    return { model: model ?? null, input: given(input) };
  },
});
