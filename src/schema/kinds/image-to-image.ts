import { builder } from '../builder.ts';
import { given } from '../given.ts';
import { MediaSourceInput } from '../media.ts';
import { ImageResult } from './image-result.ts';
import { kindSchema } from './kind-schema.ts';

const ImageToImageInput = builder.inputType('ImageToImageInput', {
  description: 'Limits as of TextToImageInput; strength 0 to 1',
  fields: (t) => ({
    image: t.field({ type: MediaSourceInput, required: true, description: 'The picture to begin with' }),
    prompt: t.string({
      required: true,
      description: 'What it is to become, or what is to change; up to 10,000 characters',
    }),
    negativePrompt: t.string({ description: 'What it must not show; up to 10,000 characters' }),
    model: t.string({ description: 'One of Query.models; left out: the default of the kind' }),
    strength: t.float({
      description: 'How much may change, 0 to 1, where the node can weigh it; left out: as the node likes',
    }),
    width: t.int({ description: "In pixels, 16 to 4,096; left out: in the picture's own proportions" }),
    height: t.int({ description: "In pixels, 16 to 4,096; left out: in the picture's own proportions" }),
    steps: t.int({ description: 'Of denoising, 1 to 200: more take longer; left out: as the node likes' }),
    guidanceScale: t.float({ description: 'How closely it follows the prompt, 0 to 100' }),
    seed: t.int({
      description: 'The same seed and input make the same picture on the same node; left out: any',
    }),
    count: t.int({ defaultValue: 1, description: 'How many pictures, 1 to 8' }),
  }),
});

export const imageToImage = kindSchema({
  kind: 'IMAGE_TO_IMAGE',
  description: 'Changes a picture as a text says',
  input: ImageToImageInput,
  result: ImageResult,
  async read({ model, image, ...input }, attachments) {
    const { reference } = await attachments.add('image', image, 'image');
    return { model: model ?? null, input: { ...given(input), image: reference } };
  },
});
