import { InvalidStateError, NotFoundError } from '../errors.ts';
import { doChores } from './chores.ts';
import { type Core, change, upToDate } from './core.ts';
import { updated } from './step.ts';
import type { Generation } from './store.ts';
import { isFinalStatus, type Outcome, type State } from './types.ts';
import { windUp } from './wind-up.ts';

function canceled(generation: Generation): Outcome {
  const now = upToDate(generation);
  const { status } = now.state;
  if (status === 'CANCELED') return now;
  if (isFinalStatus(status)) {
    throw new InvalidStateError(`the generation has ended already: it is ${status}`, status);
  }
  const state: State = { ...now.state, status: 'CANCELED' };
  return windUp(state, now.parts, { log: [...now.log, updated(state)] });
}

/** What ran is told canceled by then: whoever reads it sees so, and a task that is retried from here on runs. */
async function cancelTasks(core: Core, generation: Generation): Promise<void> {
  await doChores(core, generation);
  await change(core, generation.given.id, upToDate);
}

/**
 * Ends a generation for good, and cancels what it has under way. Repeated, it changes nothing.
 * @throws NotFoundError; InvalidStateError where it has ended otherwise
 */
export async function cancelGeneration(core: Core, id: string): Promise<void> {
  const generation = await change(core, id, canceled);
  if (!generation) throw new NotFoundError('there is no such generation');
  // It is canceled by now, whatever becomes of this: a follower does what is left.
  await cancelTasks(core, generation).catch((error: unknown) => {
    core.log.warn({ err: error, generationId: id }, 'the tasks of a generation are canceled later');
  });
}
