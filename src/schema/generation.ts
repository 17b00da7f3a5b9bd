import type {
  GeneratedStatus,
  Generation,
  GenerationPhase,
  GenerationStatus,
  GenerationTask,
} from '../database/index.ts';
import { NotFoundError } from '../errors.ts';
import type { ImageOutput, ModelOutput } from '../kinds/index.ts';
import type { TaskFailure } from '../tasks/index.ts';
import { ArtifactType } from './artifact.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { described } from './described.ts';
import { createLoader } from './loader.ts';
import { dataOf, type TaskShape, TaskType } from './task.ts';
import { TaskErrorType } from './task-error.ts';

export const GenerationPhaseEnum = builder.enumType('GenerationPhase', {
  description: 'What a generation is about',
  values: described<GenerationPhase>({
    IMAGE_GENERATION: 'The prompt is rewritten, where that was asked for, and the images are drawn',
    AWAITING_SELECTION: 'Every image has ended, and at least one can be selected',
    MODEL_GENERATION: 'The selected image is made into a 3-D model',
    COMPLETED: 'The model is there',
  }),
});

export const GenerationStatusEnum = builder.enumType('GenerationStatus', {
  values: described<GenerationStatus>({
    IMAGE_PENDING: 'No image is being drawn yet',
    IMAGE_GENERATING: 'Images are being drawn',
    IMAGE_COMPLETED: 'Every image has ended, at least one of them well: select one',
    IMAGE_FAILED: 'Every image has ended, and none of them well: retry their tasks, or begin anew',
    MODEL_PENDING: 'An image is selected; its model waits',
    MODEL_GENERATING: 'The model is being made',
    MODEL_COMPLETED: 'The model is there; COMPLETED follows at once',
    MODEL_FAILED: 'There is no model: retry its task, or select the same or another image',
    COMPLETED: 'All is done',
    FAILED: 'The images cannot be asked for any more; the last GenerationUpdated says why',
    CANCELED: 'Somebody canceled it; the phase tells how far it was',
  }),
});

const GeneratedStatusEnum = builder.enumType('GeneratedStatus', {
  values: described<GeneratedStatus>({
    PENDING: 'Its task waits',
    GENERATING: 'Its task runs, or waits for another attempt',
    COMPLETED: 'It is there',
    FAILED: 'Its task has failed',
    CANCELED: 'Its task was canceled',
  }),
});

/** A part whose task is there, which it is from its submission on. */
interface Made {
  readonly part: GenerationTask;
  readonly task: TaskShape;
}

const loadParts = createLoader(async (ids, { database }) => {
  const rows = await database.prisma.generationTask.findMany({
    where: { generationId: { in: [...ids] } },
    orderBy: { number: 'asc' },
  });
  return Map.groupBy(rows, ({ generationId }) => generationId);
});

async function partsOf(
  { id }: Generation,
  role: GenerationTask['role'],
  context: Context,
): Promise<GenerationTask[]> {
  return ((await loadParts(context, id)) ?? []).filter((part) => part.role === role);
}

async function madeOf(parts: readonly GenerationTask[], context: Context): Promise<Made[]> {
  const loader = TaskType.getDataloader(context);
  const tasks = await Promise.all(parts.map(({ taskId }) => loader.load(taskId)));
  return parts.flatMap((part, n) => {
    const task = tasks[n];
    return task ? [{ part, task }] : [];
  });
}

/** What the task came to, once the log has told that it has. */
async function resultOf<Result>({ part, task }: Made, context: Context): Promise<Result | null> {
  if (part.status !== 'COMPLETED') return null;
  // As the kind's output schema has it; null where it was deleted since its row was read.
  return (await dataOf(task, context)).result as Result | null;
}

async function errorOf({ part, task }: Made, context: Context): Promise<TaskFailure | null> {
  if (part.status !== 'FAILED') return null;
  return (await dataOf(task, context)).error as TaskFailure | null;
}

const GeneratedImage = builder.objectRef<Made>('GeneratedImage').implement({
  description: 'One of the pictures to choose from',
  fields: (t) => ({
    index: t.int({ description: '0, 1, 2 …: what selectImage takes', resolve: ({ part }) => part.number }),
    status: t.field({
      type: GeneratedStatusEnum,
      description: 'How far it is',
      resolve: ({ part }) => part.status,
    }),
    task: t.field({
      type: TaskType,
      description: 'What draws it: retryTask draws a failed one again, cancelTask leaves it out',
      resolve: ({ task }) => task,
    }),
    image: t.field({
      type: ArtifactType,
      nullable: true,
      description: 'Null until it is COMPLETED',
      resolve: async (made, _args, context) =>
        (await resultOf<ImageOutput>(made, context))?.images[0] ?? null,
    }),
    error: t.field({
      type: TaskErrorType,
      nullable: true,
      description: 'Why it has FAILED; null otherwise',
      resolve: (made, _args, context) => errorOf(made, context),
    }),
  }),
});

const GeneratedModel = builder.objectRef<Made>('GeneratedModel').implement({
  description: 'The 3-D model of the selected image',
  fields: (t) => ({
    status: t.field({
      type: GeneratedStatusEnum,
      description: 'How far it is',
      resolve: ({ part }) => part.status,
    }),
    task: t.field({
      type: TaskType,
      description: 'What makes it: retryTask makes a failed one again',
      resolve: ({ task }) => task,
    }),
    progress: t.float({
      nullable: true,
      description: '0 to 1, which it is once it has succeeded; null before that where the node tells none',
      resolve: ({ task }) => task.progress,
    }),
    files: t.field({
      type: [ArtifactType],
      description: 'The model first, then what belongs to it; empty until it is COMPLETED',
      resolve: async (made, _args, context) => (await resultOf<ModelOutput>(made, context))?.files ?? [],
    }),
    preview: t.field({
      type: ArtifactType,
      nullable: true,
      description: 'A picture of the model, where the node makes one',
      resolve: async (made, _args, context) => (await resultOf<ModelOutput>(made, context))?.preview ?? null,
    }),
    error: t.field({
      type: TaskErrorType,
      nullable: true,
      description: 'Why it has FAILED; null otherwise',
      resolve: (made, _args, context) => errorOf(made, context),
    }),
  }),
});

interface Rewrite {
  /** Null: nobody could be asked. */
  readonly part: GenerationTask | null;
  readonly fallback: string | null;
}

const PromptRewrite = builder.objectRef<Rewrite>('PromptRewrite').implement({
  description: 'The rewriting of a prompt for a printable object',
  fields: (t) => ({
    status: t.field({
      type: GeneratedStatusEnum,
      description: 'FAILED and CANCELED: the prompt is used as it was given',
      resolve: ({ part }) => part?.status ?? 'FAILED',
    }),
    task: t.field({
      type: TaskType,
      nullable: true,
      description: 'What rewrites it; null where no node could be asked',
      resolve: ({ part }, _args, context) => part && TaskType.getDataloader(context).load(part.taskId),
    }),
    message: t.exposeString('fallback', {
      nullable: true,
      description: 'Why the prompt is used as it was given; null where it is not',
    }),
  }),
});

export const GenerationType = builder.loadableNode('Generation', {
  description: 'From a prompt over images to choose from to a 3-D model',
  id: { resolve: ({ id }) => id },
  load: (ids: string[], { services }: Context): Promise<Generation[]> =>
    services.database.prisma.generation.findMany({ where: { id: { in: ids } } }),
  toKey: ({ id }) => id,
  sort: true,
  loaderOptions: { cache: false },
  fields: (t) => ({
    prompt: t.exposeString('prompt', { description: 'As it was given' }),
    finalPrompt: t.exposeString('finalPrompt', {
      nullable: true,
      description: 'What the images are drawn from; null while it is being rewritten',
    }),
    rewrite: t.field({
      type: PromptRewrite,
      nullable: true,
      description: 'What became of the rewriting; null where none was asked for',
      resolve: async (generation, _args, context) => {
        if (!generation.optimize) return null;
        const [part = null] = await partsOf(generation, 'REWRITE', context);
        return { part, fallback: generation.fallback };
      },
    }),
    status: t.expose('status', { type: GenerationStatusEnum, description: 'Where it is in its life' }),
    phase: t.expose('phase', { type: GenerationPhaseEnum, description: 'What it is about' }),
    images: t.field({
      type: [GeneratedImage],
      description: 'In the order of their indices; empty until their tasks are submitted',
      resolve: async (generation, _args, context) =>
        madeOf(await partsOf(generation, 'IMAGE', context), context),
    }),
    selectedImageIndex: t.exposeInt('selectedImage', {
      nullable: true,
      description: 'Of the last selection; null before',
    }),
    model: t.field({
      type: GeneratedModel,
      nullable: true,
      description: 'Of the last selection; null before, and until its task is submitted',
      resolve: async (generation, _args, context) => {
        const models = await partsOf(generation, 'MODEL', context);
        return (await madeOf(models.slice(-1), context))[0] ?? null;
      },
    }),
    version: t.exposeInt('version', { description: 'Counts up by one with every event of the log' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was begun' }),
    completedAt: t.expose('completedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its model was there; null before, and where it ended otherwise',
    }),
  }),
});

/** A generation that has just been written; for unions, whose members are not loaded by themselves. */
export async function writtenGeneration(context: Context, id: string): Promise<Generation> {
  const generation = await GenerationType.getDataloader(context).load(id);
  if (!generation) throw new NotFoundError('the generation was deleted in the meantime');
  return generation;
}
