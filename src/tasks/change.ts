import type { Transaction } from '../database/index.ts';
import { applyChanges, type Change, type Changed } from './apply.ts';
import type { Core } from './core.ts';
import { bookMoves } from './counts.ts';
import { followDown, lockBelow, type Parent } from './dependents.ts';
import { type Entering, enter, toCharge } from './enqueue.ts';
import { type Charge, lockShares } from './fair/index.ts';
import { isFinal, transitions } from './lifecycle.ts';

export type { Change, Changed } from './apply.ts';

/** The steps that a user's share was charged for: waiting and running ones. */
const isCharged = ({ from }: Changed): boolean => from === 'QUEUED' || from === 'RUNNING';

/** Tasks that these steps end, as those see it that depend on them. */
function endedBy(changes: readonly Change[]): Parent[] {
  return changes.flatMap(({ taskId, event }) => {
    const [status] = transitions[event].to;
    return isFinal(status) ? [{ id: taskId, falls: status !== 'SUCCEEDED' }] : [];
  });
}

const toStep = ({ id, event }: Entering, { jobId, seconds }: Charge): Change => ({
  ...{ taskId: id, event, jobId, chargedSeconds: seconds },
});

async function charged(
  core: Core,
  entering: readonly Entering[],
): Promise<(Entering & { charge: Charge })[]> {
  return Promise.all(entering.map(async (task) => ({ ...task, charge: await toCharge(core, task) })));
}

/**
 * Takes the steps whose fences hold, each with all that belongs to it, and answers these: first those that were
 * asked for, then what follows for the tasks that depend on them. It may be called before the answers of what was
 * sent before, and but once in a transaction: the jobs of tasks that end are locked by then; tasks, counts and
 * shares come in this order, and last the new jobs, since nobody waits for what nobody knows.
 * @param entering tasks without a job that are to wait in their queues, behind what their users have there
 */
export async function change(
  core: Core,
  tx: Transaction,
  changes: readonly Change[],
  entering: readonly Entering[] = [],
): Promise<Changed[]> {
  if (changes.length + entering.length === 0) return [];
  const asked = await charged(core, entering);
  const applying = applyChanges(tx, [...changes, ...asked.map((task) => toStep(task, task.charge))]);
  const ended = endedBy(changes);
  // One round trip: what does not depend on anything pays for no more than the question.
  const [own, below] = await Promise.all([applying, lockBelow(tx, ended)]);
  const following = await followDown(tx, ended, below);
  const released = await charged(core, following.released);
  const followed = await applyChanges(tx, [
    ...following.changes,
    ...released.map((task) => toStep(task, task.charge)),
  ]);
  const changed = [...own, ...followed];
  bookMoves(tx, core.shard(tx), changed);
  const taken = new Set(changed.map(({ taskId }) => taskId));
  await settleShares(
    core,
    tx,
    changed,
    [...asked, ...released].filter(({ id }) => taken.has(id)),
  );
  return changed;
}

/**
 * Ends what waits for tasks that did not succeed, where that is known only now: in the transaction that adds it.
 */
export async function fallBelow(core: Core, tx: Transaction, parents: readonly Parent[]): Promise<Changed[]> {
  const { changes } = await followDown(tx, parents, await lockBelow(tx, parents));
  const changed = await applyChanges(tx, changes);
  bookMoves(tx, core.shard(tx), changed);
  return changed;
}

/** Corrects the shares by what ended, charges them for what is queued, and gives that its jobs. */
async function settleShares(
  core: Core,
  tx: Transaction,
  changed: readonly Changed[],
  queued: readonly (Entering & { readonly charge: Charge })[],
): Promise<void> {
  const steps = changed
    .filter(isCharged)
    .map((step) => ({ ...step, isQueuedAgain: step.status === 'QUEUED' }));
  if (steps.length > 0 && queued.length > 0) {
    lockShares(tx, [...steps.map((step) => ({ ...step, weight: 1 })), ...queued.map(({ charge }) => charge)]);
  }
  core.shares.correct(tx, steps);
  await enter(core, tx, queued);
}
