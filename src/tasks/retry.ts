import type { Transaction } from '../database/index.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { readEdges } from './dependents.ts';
import { decideRetry, lockRelatives, type Relative } from './revive.ts';
import { SupersededError, untilCurrent } from './superseded.ts';

/** As it is once all that belongs to it is locked. @throws SupersededError where something else did by then */
async function lockAll(tx: Transaction, taskId: string): Promise<Relative[]> {
  const before = await lockRelatives(tx, taskId);
  const relatives = await lockRelatives(tx, taskId);
  const locked = new Set(before.map(({ id }) => id));
  if (relatives.some(({ id }) => !locked.has(id))) throw new SupersededError();
  return relatives;
}

export function createRetry(core: Core) {
  const { database } = core;

  async function retryIn(tx: Transaction, taskId: string): Promise<Changed[]> {
    const relatives = await lockAll(tx, taskId);
    const family = relatives.filter(({ role }) => role !== 'looked-at');
    const edges = await readEdges(
      tx,
      family.map(({ id }) => id),
    );
    const { queued, blocked } = decideRetry(taskId, relatives, edges);
    return change(
      core,
      tx,
      blocked.map(({ id }) => ({ taskId: id, event: 'RETRIED', to: 'BLOCKED', jobId: null })),
      queued.map((task) => ({ ...task, event: 'RETRIED' })),
    );
  }

  /**
   * Puts a task that failed or was canceled back into its queue, with all its tries; with it whatever it depends
   * on and did not succeed, and whatever failed for nothing but one of these.
   * @throws NotFoundError, InvalidStateError
   */
  return async function retry(taskId: string): Promise<void> {
    const changed = await untilCurrent(() => database.lanes.transact((tx) => retryIn(tx, taskId)));
    announceChanged(core, changed);
  };
}
