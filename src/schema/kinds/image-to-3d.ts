import type { ImageTo3dInput } from '../../kinds/index.ts';
import { ArtifactType } from '../artifact.ts';
import { builder } from '../builder.ts';
import { given } from '../given.ts';
import { MediaSourceInput } from '../media.ts';
import { kindSchema, type TaggedOutput } from './kind-schema.ts';

export const ModelFormat = builder.enumType('ModelFormat', {
  values: {
    GLB: { description: 'Binary glTF 2.0: one file with everything in it' },
    OBJ: { description: 'With its material and textures as files of their own, where the node makes them' },
    STL: { description: 'The bare shape, as printers take it' },
  } satisfies Record<ImageTo3dInput['format'], object>,
});

const ImageTo3dInputType = builder.inputType('ImageTo3DInput', {
  fields: (t) => ({
    image: t.field({ type: MediaSourceInput, required: true, description: 'A picture of one thing' }),
    model: t.string({ description: 'One of Query.models; left out: the default of the kind' }),
    format: t.field({ type: ModelFormat, defaultValue: 'GLB', description: 'Of the 3-D model' }),
    texture: t.boolean({ description: 'Whether it is painted; left out: as the node does it by itself' }),
    seed: t.int({ description: 'The same one gives the same model again, where the node takes seeds' }),
  }),
});

const ModelResult = builder.objectRef<TaggedOutput<'IMAGE_TO_3D'>>('ModelResult').implement({
  fields: (t) => ({
    files: t.field({
      type: [ArtifactType],
      description: 'The model first, then what belongs to it; last the archive, if they came in one',
      resolve: ({ files }) => files,
    }),
    preview: t.field({
      type: ArtifactType,
      nullable: true,
      description: 'A picture of the model, where the node makes one',
      resolve: ({ preview }) => preview ?? null,
    }),
  }),
});

export const imageTo3d = kindSchema({
  kind: 'IMAGE_TO_3D',
  description: 'Makes a 3-D model of the thing in a picture',
  input: ImageTo3dInputType,
  result: ModelResult,
  async read({ model, image, ...input }, attachments) {
    const { reference } = await attachments.add('image', image, 'image');
    return { model: model ?? null, input: { ...given(input), image: reference } };
  },
});
