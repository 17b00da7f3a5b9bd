import { z } from 'zod';
import type { Viewer } from '../accounts/index.ts';
import { NoSuchModelError } from '../errors.ts';
import { newId } from '../ids.ts';
import { valid } from '../validation.ts';
import { cancelGeneration } from './cancel.ts';
import { submitPart } from './chores.ts';
import type { Core } from './core.ts';
import { newPart } from './parts.ts';
import { removeGeneration } from './remove.ts';
import { fallbackMessage, newImages, updated } from './step.ts';
import { type Generation, insertGeneration, postpone } from './store.ts';
import type { Outcome, State } from './types.ts';

const MAX_IMAGES = 8;

/** No node offers one with a longer name. */
const model = z.string().min(1).max(200);

const schema = z.strictObject({
  prompt: z.string().max(10_000).regex(/\S/, 'must not be blank'),
  optimizePrompt: z.boolean().default(true),
  imageCount: z.number().int().min(1).max(MAX_IMAGES).default(4),
  imageModel: model.optional(),
  modelModel: model.optional(),
  format: z.enum(['GLB', 'OBJ', 'STL']).default('GLB'),
});

/** What a caller asks for, before anything of it is checked. */
export type GenerationInput = z.input<typeof schema>;

/** Who rewrites the prompt, or why nobody does. */
type Rewriter = { readonly model: string } | { readonly reason: string } | null;

async function findRewriter({ nodes }: Core, isWanted: boolean): Promise<Rewriter> {
  if (!isWanted) return null;
  try {
    return { model: await nodes.models.choose('TEXT_GENERATION', null) };
  } catch (error) {
    if (error instanceof NoSuchModelError) return { reason: error.message };
    throw error;
  }
}

function begin(
  { prompt, imageCount, imageModel }: Pick<State, 'prompt' | 'imageCount' | 'imageModel'>,
  rewriter: Rewriter,
): Outcome {
  const state: State = {
    ...{ prompt, imageCount, imageModel, selectedImage: null },
    ...{ status: 'IMAGE_PENDING', phase: 'IMAGE_GENERATION' },
    finalPrompt: rewriter && 'model' in rewriter ? null : prompt,
    fallback: rewriter && 'reason' in rewriter ? rewriter.reason : null,
  };
  const parts =
    rewriter && 'model' in rewriter
      ? [newPart('REWRITE', 0, rewriter.model, newId)]
      : newImages(state, newId);
  const message = state.fallback === null ? null : fallbackMessage(state.fallback);
  return { state, parts, log: [updated(state, message)], follow: 'now' };
}

export function createCreate(core: Core) {
  const { database, carrier, nodes } = core;

  /** All of them, or none: what was accepted is taken back when another one is not. */
  async function submitAll(generation: Generation): Promise<void> {
    const { parts, given } = generation;
    const submitted = await Promise.allSettled(parts.map((part) => submitPart(core, generation, part)));
    const refused = submitted.find((one) => one.status === 'rejected');
    if (!refused) return;
    await cancelGeneration(core, given.id);
    await removeGeneration(core, given.id);
    throw refused.reason;
  }

  /**
   * Begins a generation: durable, with its first tasks, once it resolves.
   * @returns its id
   * @throws InvalidInputError, NoSuchModelError, QueueFullError, QuotaExceededError, RateLimitedError
   */
  return async function create(
    { userId, tier }: Pick<Viewer, 'userId' | 'tier'>,
    input: GenerationInput,
  ): Promise<string> {
    const { prompt, optimizePrompt, imageCount, modelModel, format, ...wanted } = valid(schema, input);
    const imageModel = await nodes.models.choose('TEXT_TO_IMAGE', wanted.imageModel ?? null);
    const rewriter = await findRewriter(core, optimizePrompt);
    const outcome = begin({ prompt, imageCount, imageModel }, rewriter);
    const given = { id: newId(), userId, tier, modelModel: modelModel ?? null, format };
    await database.lanes.transact((tx) => insertGeneration(tx, given, { optimize: optimizePrompt, outcome }));
    await submitAll({ ...outcome, given, isFollowed: true, isAwaited: true });
    await postpone(database, given.id, 0);
    carrier.announce({ type: 'generation', id: given.id });
    return given.id;
  };
}
