import { CallerError, isLimit } from '../errors.ts';
import { newId } from '../ids.ts';
import { cancelIfOpen } from '../tasks/index.ts';
import { type Core, change, upToDate } from './core.ts';
import { choresOf, step } from './step.ts';
import { type Generation, postpone } from './store.ts';
import { submissionOf } from './submissions.ts';
import type { Part } from './types.ts';

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

/** What was accepted is not refused any more for a limit: it waits. */
async function submitOrWait(core: Core, generation: Generation, part: Part): Promise<void> {
  const { id } = generation.given;
  try {
    await submitPart(core, generation, part);
  } catch (error) {
    if (isLimit(error)) await postpone(core.database, id, LIMITED_SECONDS);
    else if (error instanceof CallerError) await refuse(core, id, part, error.message);
    else throw error;
  }
}

/** Goes on without a task that nobody will take. */
async function refuse(core: Core, id: string, { taskId }: Part, reason: string): Promise<void> {
  const refused = await change(core, id, ({ state, parts }) =>
    step(state, parts, { newId, refusal: { taskId, reason } }),
  );
  if (refused) await doChores(core, refused);
}

/** Does what is to be done for a generation: all of it that can be done by now. */
export async function doChores(core: Core, generation: Generation): Promise<void> {
  const { submit, cancel } = choresOf(generation);
  await Promise.all([
    ...submit.map((part) => submitOrWait(core, generation, part)),
    ...cancel.map(({ taskId }) => cancelIfOpen(core.tasks, taskId)),
  ]);
}

/** Brings a generation up to date, and does what is to be done for it then. */
export async function lookAfter(core: Core, id: string): Promise<void> {
  const generation = await change(core, id, upToDate);
  if (generation) await doChores(core, generation);
}
