import { InvalidInputError, InvalidStateError, NoSuchModelError, NotFoundError } from '../errors.ts';
import { newId } from '../ids.ts';
import { doChores } from './chores.ts';
import { type Core, change, upToDate } from './core.ts';
import { imagesOf, newPart } from './parts.ts';
import { updated } from './step.ts';
import type { Generation } from './store.ts';
import type { Outcome, State } from './types.ts';
import { isStopped } from './wind-up.ts';

/** @throws InvalidInputError for a picture that there never is, InvalidStateError for one that cannot be taken now */
function selected(generation: Generation, index: number, model: string | NoSuchModelError): Outcome {
  const now = upToDate(generation);
  const { status, phase, imageCount, selectedImage } = now.state;
  if (index < 0 || index >= imageCount) {
    throw new InvalidInputError([{ path: 'index', message: `must be 0 to ${imageCount - 1}` }]);
  }
  const isOpenToSelection = phase === 'AWAITING_SELECTION' || status === 'MODEL_FAILED';
  if (!isOpenToSelection || isStopped(now.state)) {
    const why =
      selectedImage === null
        ? 'an image can be selected when all have ended, one of them well'
        : `image ${selectedImage} has been selected`;
    throw new InvalidStateError(`${why}: the generation is ${status}`, status);
  }
  const image = imagesOf(now.parts)[index];
  if (image?.status !== 'COMPLETED') {
    throw new InvalidStateError(
      `only a completed image can be selected: image ${index} is ${image?.status ?? 'PENDING'}`,
      status,
    );
  }
  if (model instanceof NoSuchModelError) throw model;
  const state: State = {
    ...now.state,
    ...{ status: 'MODEL_PENDING', phase: 'MODEL_GENERATION', selectedImage: index },
  };
  const models = now.parts.filter(({ role }) => role === 'MODEL');
  const parts = [...now.parts, newPart('MODEL', models.length, model, newId)];
  return { state, parts, log: [...now.log, updated(state)], follow: 'now' };
}

export function createSelect(core: Core) {
  const { database, nodes } = core;

  /** That there is none matters only where a model could be made. */
  async function findModel(id: string): Promise<string | NoSuchModelError> {
    const row = await database.prisma.generation.findUnique({ where: { id }, select: { modelModel: true } });
    if (!row) throw new NotFoundError('there is no such generation');
    try {
      return await nodes.models.choose('IMAGE_TO_3D', row.modelModel);
    } catch (error) {
      if (error instanceof NoSuchModelError) return error;
      throw error;
    }
  }

  /**
   * Begins to make the model of a picture: durable once it resolves.
   * @throws NotFoundError, InvalidInputError, InvalidStateError, NoSuchModelError
   */
  return async function select(id: string, index: number): Promise<void> {
    const model = await findModel(id);
    const generation = await change(core, id, (before) => selected(before, index, model));
    if (!generation) throw new NotFoundError('there is no such generation');
    // It is selected by now, whatever becomes of this: a follower submits what is left.
    await doChores(core, generation).catch((error: unknown) => {
      core.log.warn({ err: error, generationId: id }, 'the model of a generation is submitted later');
    });
  };
}
