import { readVectors } from '../../artifacts/index.ts';
import { builder } from '../builder.ts';
import { kindSchema, type TaggedOutput } from './kind-schema.ts';

const EmbeddingInput = builder.inputType('EmbeddingInput', {
  fields: (t) => ({
    texts: t.stringList({
      required: true,
      description: '1 to 1,000, each up to 100,000 characters, together up to 1,000,000',
    }),
    model: t.string({ description: 'One of Query.models; left out: the default of the kind' }),
  }),
});

const DECIMALS = 1e10;

/** A short decimal that is this number of 32 bits: what the node meant, without the dust of 64 bits. */
function shortened(number: number): number {
  const rounded = Math.round(number * DECIMALS) / DECIMALS;
  // Very small and very large ones need more care, which takes ten times as long.
  return Math.fround(rounded) === number ? rounded : Number(number.toPrecision(9));
}

const EmbeddingResult = builder.objectRef<TaggedOutput<'EMBEDDING'>>('EmbeddingResult').implement({
  fields: (t) => ({
    vectors: t.field({
      type: t.listRef(t.listRef('Float')),
      description: 'One for each text, in their order; numbers of 32 bits',
      resolve: async (output, _args, { services }) =>
        (await readVectors(services.artifacts, output)).map((vector) => Array.from(vector, shortened)),
    }),
    dimensions: t.exposeInt('dimensions', { description: 'How many numbers each vector has' }),
  }),
});

export const embedding = kindSchema({
  kind: 'EMBEDDING',
  description: 'Places texts in a space of meaning: those that say alike are close to each other',
  input: EmbeddingInput,
  result: EmbeddingResult,
  async read({ model, texts }) {
    return { model: model ?? null, input: { texts } };
  },
});
