import type { Database } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';
import { newId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Nodes } from '../nodes/index.ts';
import type { Tasks } from '../tasks/index.ts';
import { step } from './step.ts';
import { type Generation, lockGeneration, writeOutcome } from './store.ts';
import type { Outcome } from './types.ts';

/** What every part of this folder works with. */
export interface Core {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly tasks: Tasks;
  readonly nodes: Pick<Nodes, 'models'>;
  readonly log: Log;
}

/**
 * Takes a generation from where it is to where `decide` says, and tells everybody.
 * @returns where it is by then; null where there is none
 * @throws what `decide` throws, and nothing has changed then
 */
export async function change(
  { database, carrier }: Core,
  id: string,
  decide: (generation: Generation) => Outcome,
): Promise<Generation | null> {
  const changed = await database.lanes.transact(async (tx) => {
    const before = await lockGeneration(tx, id);
    if (!before) return null;
    const outcome = decide(before);
    await writeOutcome(tx, before, outcome);
    return { before, outcome };
  });
  if (!changed) return null;
  const { before, outcome } = changed;
  if (outcome.log.length > 0) carrier.announce({ type: 'generation', id });
  return { ...before, ...outcome };
}

/** Where the generation is when all that its tasks have done by now is told. */
export function upToDate({ state, parts, isAwaited }: Generation): Outcome {
  return step(state, parts, { newId, isAwaited });
}
