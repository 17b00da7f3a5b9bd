import {
  InvalidInputError,
  InvalidStateError,
  NoSuchModelError,
  NotFoundError,
  QueueFullError,
  QuotaExceededError,
  RateLimitedError,
} from '../errors.ts';
import type { GenerationInput } from '../generations/index.ts';
import { encodeId } from '../ids.ts';
import { builder } from './builder.ts';
import type { SignedInContext } from './context.ts';
import { DeleteResult } from './delete.ts';
import { GenerationType, writtenGeneration } from './generation.ts';
import { given } from './given.ts';
import { ModelFormat } from './kinds/index.ts';
import { visibleGeneration } from './visible.ts';

const CreateGenerationInput = builder.inputType('CreateGenerationInput', {
  fields: (t) => ({
    prompt: t.string({ required: true, description: 'What is to be made; 1 to 10,000 characters' }),
    optimizePrompt: t.boolean({
      defaultValue: true,
      description:
        'Whether a language model rewrites the prompt for a printable object; where none can, it is used as it is',
    }),
    imageCount: t.int({ defaultValue: 4, description: 'How many images to choose from, 1 to 8' }),
    imageModel: t.string({ description: 'For text to image; one of Query.models; left out: the default' }),
    modelModel: t.string({
      description: 'For image to 3-D, checked when an image is selected; left out: the default by then',
    }),
    format: t.field({ type: ModelFormat, defaultValue: 'GLB', description: 'Of the 3-D model' }),
  }),
});

const SelectImageInput = builder.inputType('SelectImageInput', {
  fields: (t) => ({
    generationId: t.id({ required: true, description: 'Of the generation: generation_…' }),
    index: t.int({ required: true, description: 'Of the image: 0, 1, 2 …' }),
  }),
});

const CreateGenerationResult = builder.errorUnion('CreateGenerationResult', {
  types: [
    GenerationType,
    InvalidInputError,
    NoSuchModelError,
    QueueFullError,
    QuotaExceededError,
    RateLimitedError,
  ],
  resolveType: () => 'Generation',
});

const SelectImageResult = builder.errorUnion('SelectImageResult', {
  types: [GenerationType, NotFoundError, InvalidStateError, InvalidInputError, NoSuchModelError],
  resolveType: () => 'Generation',
});

const CancelGenerationResult = builder.errorUnion('CancelGenerationResult', {
  types: [GenerationType, NotFoundError, InvalidStateError],
  resolveType: () => 'Generation',
});

/** The row id of the caller's generation: another's is told in the same words as none. */
async function ownGeneration(globalId: string, context: SignedInContext): Promise<string> {
  const generation = await visibleGeneration(globalId, context);
  if (!generation) throw new NotFoundError('there is no such generation');
  return generation.id;
}

const GENERATION_ID = 'Of the generation: generation_…';

builder.mutationFields((t) => ({
  createGeneration: t.withAuth({ signedIn: true }).field({
    type: CreateGenerationResult,
    description: 'Begins a generation: answers when it is durable',
    args: {
      input: t.arg({ type: CreateGenerationInput, required: true, description: 'The new generation' }),
    },
    resolve: async (_root, { input }, context) => {
      const { generations } = context.services;
      // The schema requires what the type of `given` makes optional.
      const id = await generations.create(context.viewer, given(input) as GenerationInput);
      return writtenGeneration(context, id);
    },
  }),
  selectImage: t.withAuth({ signedIn: true }).field({
    type: SelectImageResult,
    description:
      'Has the 3-D model of a completed image made, once every image has ended; again only after MODEL_FAILED',
    args: {
      input: t.arg({
        type: SelectImageInput,
        required: true,
        description: 'Which image of which generation',
      }),
    },
    resolve: async (_root, { input }, context) => {
      const id = await ownGeneration(input.generationId, context);
      await context.services.generations.select(id, input.index);
      return writtenGeneration(context, id);
    },
  }),
  cancelGeneration: t.withAuth({ signedIn: true }).field({
    type: CancelGenerationResult,
    description: 'Ends a generation that has not ended, and the tasks that it has under way',
    args: { id: t.arg.id({ required: true, description: GENERATION_ID }) },
    resolve: async (_root, args, context) => {
      const id = await ownGeneration(args.id, context);
      await context.services.generations.cancel(id);
      return writtenGeneration(context, id);
    },
  }),
  deleteGeneration: t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    description:
      'Removes a generation with its log, its tasks and their files; not while a task is under way',
    args: { id: t.arg.id({ required: true, description: GENERATION_ID }) },
    resolve: async (_root, args, context) => {
      const id = await ownGeneration(args.id, context);
      await context.services.generations.remove(id);
      return { id: encodeId('Generation', id) };
    },
  }),
}));
