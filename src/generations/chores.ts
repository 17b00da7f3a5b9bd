import { CallerError, isLimit } from '../errors.ts';
import { newId } from '../ids.ts';
import { cancelIfOpen } from '../tasks/index.ts';
import { type Core, change, upToDate } from './core.ts';
import { choresOf, step, updated } from './step.ts';
import { type Generation, postpone, wasTold } from './store.ts';
import { submissionOf } from './submissions.ts';
import { isFinalStatus, type Part } from './types.ts';

/** How soon it is tried again to submit what a limit did not let through. */
const LIMITED_SECONDS = 2;

/** @throws what `Tasks.submit` throws */
export async function submitPart(
  { tasks, database }: Core,
  generation: Generation,
  part: Part,
): Promise<void> {
  await tasks.submit(submissionOf(database, generation, part), generation.given.tier);
}

/** Which limits are told of: a rate is so again within seconds. */
const waits: Readonly<Partial<Record<CallerError['code'], string>>> = {
  QUOTA_EXCEEDED: 'it waits: your limit of waiting tasks, or of stored files, is reached',
  QUEUE_FULL: 'it waits: the queue is full',
};

/** Says, once for each reason, what a generation waits for. */
async function tellWait(core: Core, id: string, { code }: CallerError): Promise<void> {
  const message = waits[code];
  if (message === undefined || (await wasTold(core.database, id, message))) return;
  await change(core, id, ({ state, parts, isFollowed }) => ({
    ...{ state, parts, follow: isFollowed ? 'now' : 'no' },
    log: isFinalStatus(state.status) ? [] : [updated(state, message)],
  }));
}

/** What was accepted is not refused any more for a limit, which is answered: it waits. */
async function submitOrWait(core: Core, generation: Generation, part: Part): Promise<CallerError | null> {
  try {
    await submitPart(core, generation, part);
  } catch (error) {
    if (isLimit(error)) return error;
    if (!(error instanceof CallerError)) throw error;
    await refuse(core, generation.given.id, part, error.message);
  }
  return null;
}

/** Goes on without a task that nobody will take. */
async function refuse(core: Core, id: string, { taskId }: Part, reason: string): Promise<void> {
  const refused = await change(core, id, ({ state, parts, isAwaited }) =>
    step(state, parts, { newId, isAwaited, refusal: { taskId, reason } }),
  );
  if (refused) await doChores(core, refused);
}

/** Does what is to be done for a generation: all of it that can be done by now. */
export async function doChores(core: Core, generation: Generation): Promise<void> {
  const { submit, cancel } = choresOf(generation);
  const { id } = generation.given;
  await Promise.all(cancel.map(({ taskId }) => cancelIfOpen(core.tasks, taskId)));
  const waited = await Promise.all(submit.map((part) => submitOrWait(core, generation, part)));
  const limit = waited.find((error) => error !== null);
  if (!limit) return;
  await tellWait(core, id, limit);
  await postpone(core.database, id, LIMITED_SECONDS);
}

/** Brings a generation up to date, and does what is to be done for it then. */
export async function lookAfter(core: Core, id: string): Promise<void> {
  const generation = await change(core, id, upToDate);
  if (generation) await doChores(core, generation);
}
