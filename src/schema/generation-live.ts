import { canSee } from '../accounts/index.ts';
import { InvalidInputError, NotFoundError, RefusedError } from '../errors.ts';
import type { EventRow, ModelProgress } from '../generations/index.ts';
import { ArtifactType } from './artifact.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import {
  GenerationPhaseEnum,
  GenerationStatusEnum,
  GenerationType,
  writtenGeneration,
} from './generation.ts';
import { live } from './live.ts';
import { TaskErrorType } from './task-error.ts';
import { visibleGeneration } from './visible.ts';

type Event = EventRow | ModelProgress;
type EventOf<Type extends Event['type']> = Extract<Event, { readonly type: Type }>;

const GenerationEventBase = builder.interfaceRef<Event>('GenerationEventBase').implement({
  description: 'What every event of a generation has',
  fields: (t) => ({
    version: t.exposeInt('version', {
      description: '1, 2, 3 … within the generation, without a gap; what generationEvents resumes after',
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When it happened' }),
    generation: t.field({
      type: GenerationType,
      description: 'As it is now, which may be later than the event',
      resolve: ({ generationId }, _args, context) => writtenGeneration(context, generationId),
    }),
  }),
});

const interfaces = [GenerationEventBase];

/** A file of an event. @throws NotFoundError where it was deleted with its generation, as the event was on its way */
async function fileOf(id: string, context: Context) {
  const artifact = await ArtifactType.getDataloader(context).load(id);
  if (!artifact) throw new NotFoundError('the file was deleted in the meantime');
  return artifact;
}

const INDEX = 'Which image: 0, 1, 2 …';

const ImageGenerating = builder.objectRef<EventOf<'ImageGenerating'>>('ImageGenerating').implement({
  description: 'The first attempt at an image began',
  interfaces,
  fields: (t) => ({
    index: t.int({ description: INDEX, resolve: ({ data }) => data.index }),
    prompt: t.string({ description: 'What it is drawn from', resolve: ({ data }) => data.prompt }),
  }),
});

const ImageCompleted = builder.objectRef<EventOf<'ImageCompleted'>>('ImageCompleted').implement({
  description: 'An image is there',
  interfaces,
  fields: (t) => ({
    index: t.int({ description: INDEX, resolve: ({ data }) => data.index }),
    image: t.field({
      type: ArtifactType,
      description: 'The picture',
      resolve: ({ data }, _args, context) => fileOf(data.image, context),
    }),
  }),
});

const ImageFailed = builder.objectRef<EventOf<'ImageFailed'>>('ImageFailed').implement({
  description: 'No attempt at an image is left; told again only if somebody retried its task in vain',
  interfaces,
  fields: (t) => ({
    index: t.int({ description: INDEX, resolve: ({ data }) => data.index }),
    error: t.field({
      type: TaskErrorType,
      description: 'Of the last attempt',
      resolve: ({ data }) => data.error,
    }),
  }),
});

const GenerationUpdated = builder.objectRef<EventOf<'GenerationUpdated'>>('GenerationUpdated').implement({
  description: 'The generation came to another state, or there is something to say of it',
  interfaces,
  fields: (t) => ({
    status: t.field({
      type: GenerationStatusEnum,
      description: 'From then on',
      resolve: ({ data }) => data.status,
    }),
    phase: t.field({
      type: GenerationPhaseEnum,
      description: 'From then on',
      resolve: ({ data }) => data.phase,
    }),
    message: t.string({
      nullable: true,
      description: 'For people, where there is more to say: why a prompt is used as it was given, for one',
      resolve: ({ data }) => data.message,
    }),
  }),
});

const ModelGenerating = builder.objectRef<EventOf<'ModelGenerating'>>('ModelGenerating').implement({
  description: 'The first attempt at the model began',
  interfaces,
});

const ModelProgressType = builder.objectRef<ModelProgress>('ModelProgress').implement({
  description: 'How far the model is: bumps no version, and is not in the log',
  interfaces,
  fields: (t) => ({ progress: t.exposeFloat('progress', { description: '0 to 1' }) }),
});

const ModelCompleted = builder.objectRef<EventOf<'ModelCompleted'>>('ModelCompleted').implement({
  description: 'The model is there',
  interfaces,
  fields: (t) => ({
    files: t.field({
      type: [ArtifactType],
      description: 'The model first, then what belongs to it',
      resolve: ({ data }, _args, context) => Promise.all(data.files.map((id) => fileOf(id, context))),
    }),
    preview: t.field({
      type: ArtifactType,
      nullable: true,
      description: 'A picture of the model, where the node makes one',
      resolve: ({ data }) => data.preview,
    }),
  }),
});

const ModelFailed = builder.objectRef<EventOf<'ModelFailed'>>('ModelFailed').implement({
  description: 'No attempt at the model is left; told again only if somebody retried its task in vain',
  interfaces,
  fields: (t) => ({
    error: t.field({
      type: TaskErrorType,
      description: 'Of the last attempt',
      resolve: ({ data }) => data.error,
    }),
  }),
});

const GenerationEvent = builder.unionType('GenerationEvent', {
  description:
    'Each once for an image or model, however many attempts it takes; ModelProgress bumps no version',
  types: [
    ImageGenerating,
    ImageCompleted,
    ImageFailed,
    GenerationUpdated,
    ModelGenerating,
    ModelProgressType,
    ModelCompleted,
    ModelFailed,
  ],
  resolveType: ({ type }) => type,
});

builder.subscriptionField('generationEvents', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: GenerationEvent,
    description: 'The durable log of a generation after that version; completes when it is final',
    args: {
      id: t.arg.id({ required: true, description: 'Of the generation: generation_…' }),
      after: t.arg.int({ defaultValue: 0, description: 'The last version seen; 0: from the beginning' }),
    },
    subscribe: async (_root, args, context) => {
      const after = args.after ?? 0;
      if (after < 0) throw new InvalidInputError([{ path: 'after', message: 'must be 0 or more' }]);
      const generation = await visibleGeneration(args.id, context);
      if (!generation) throw new RefusedError('NOT_FOUND', 'there is no such generation');
      const { id, userId } = generation;
      return live(context, {
        open: (signal) => context.services.generations.events(id, after, { signal }),
        may: (viewer) => canSee(viewer, userId),
      });
    },
    resolve: (event) => event,
  }),
);
