import { ArtifactType } from '../artifact.ts';
import { builder } from '../builder.ts';
import { kindSchema, type TaggedOutput } from './kind-schema.ts';

const CustomInput = builder.inputType('CustomInput', {
  description: 'Any other model: a JSON payload for the type that nodes offer as a model of the kind CUSTOM',
  fields: (t) => ({
    type: t.string({ required: true, description: 'The name of the model' }),
    payload: t.field({
      type: 'JSON',
      required: true,
      description: 'What the model takes, as it is; up to 256 KiB, nested up to 32 deep',
    }),
  }),
});

const CustomResult = builder.objectRef<TaggedOutput<'CUSTOM'>>('CustomResult').implement({
  fields: (t) => ({
    value: t.field({
      type: 'JSON',
      nullable: true,
      description:
        'Null where the model answered a file. {"file": 0} in it stands for the first of the files',
      resolve: ({ value }) => value,
    }),
    files: t.field({
      type: [ArtifactType],
      description: 'What the model made, in its order',
      resolve: ({ files }) => files,
    }),
  }),
});

export const custom = kindSchema({
  kind: 'CUSTOM',
  description: 'Anything else that a node does: a JSON payload in, JSON or files out',
  input: CustomInput,
  result: CustomResult,
  read: async ({ type, payload }) => ({ model: type, input: { type, payload } }),
});
