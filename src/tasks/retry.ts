import type { Transaction } from '../database/index.ts';
import { NotFoundError } from '../errors.ts';
import { kindOf } from '../kinds/index.ts';
import type { Nodes } from '../nodes/index.ts';
import { noteActs } from './acts.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { readEdges } from './dependents.ts';
import { costOf, type Edit, type PlannedEdit, writeEdit } from './edit.ts';
import { explain } from './refusals.ts';
import { decideRetry, lockRelatives, type Relative, type Revival } from './revive.ts';
import { SupersededError, untilCurrent } from './superseded.ts';

export interface RetryOptions {
  /** Who asks for it, a user's id: the log tells. */
  readonly by?: string | undefined;
  /** What it is to do instead of what it did. */
  readonly edit?: Edit | undefined;
}

/** As it is once all that belongs to it is locked. @throws SupersededError where something else did by then */
async function lockAll(tx: Transaction, taskId: string): Promise<Relative[]> {
  const before = await lockRelatives(tx, taskId);
  const relatives = await lockRelatives(tx, taskId);
  const locked = new Set(before.map(({ id }) => id));
  if (relatives.some(({ id }) => !locked.has(id))) throw new SupersededError();
  return relatives;
}

/** What is retried, with the queue and the cost that the edit gives it. */
function withEdit({ queued, ...rest }: Revival, taskId: string, edit: PlannedEdit): Revival {
  const changed = { queueId: edit.queueId, cost: costOf(edit) };
  return { ...rest, queued: queued.map((task) => (task.id === taskId ? { ...task, ...changed } : task)) };
}

export function createRetry(core: Core, { models }: Pick<Nodes, 'models'>) {
  const { database, queue } = core;

  async function plan(taskId: string, edit: Edit): Promise<PlannedEdit> {
    const task = await database.prisma.task.findUnique({ where: { id: taskId } });
    if (!task) throw new NotFoundError('there is no such task');
    const kind = kindOf(task.kind).name;
    const model = edit.model === null ? task.model : await models.choose(kind, edit.model);
    return { ...edit, kind, model, queueId: (await queue.ensure(kind, model)).id };
  }

  async function retryIn(
    tx: Transaction,
    taskId: string,
    { by, edit }: { readonly by?: string | undefined; readonly edit?: PlannedEdit | undefined },
  ): Promise<Changed[]> {
    const relatives = await lockAll(tx, taskId);
    const family = relatives.filter(({ role }) => role !== 'looked-at');
    const edges = await readEdges(
      tx,
      family.map(({ id }) => id),
    );
    const revival = decideRetry(taskId, relatives, edges);
    const former = edit && (await writeEdit(tx, taskId, edit));
    const { queued, blocked, early } = edit ? withEdit(revival, taskId, edit) : revival;
    const changed = await change(
      core,
      tx,
      [
        ...blocked.map(({ id }) => ({ taskId: id, event: 'RETRIED', to: 'BLOCKED', jobId: null }) as const),
        ...early.map(({ id }) => ({ taskId: id, event: 'RETRIED', to: 'SCHEDULED', jobId: null }) as const),
      ],
      queued.map((task) => ({ ...task, event: 'RETRIED' })),
    );
    noteActs(
      tx,
      changed.map((step) => step.taskId),
      { by, former },
    );
    return changed;
  }

  /**
   * Puts a task that failed or was canceled back into its queue, with all its tries; with it whatever it depends
   * on and did not succeed, and whatever failed for nothing but one of these. What has a start time in the future
   * waits for it again.
   * @returns the steps of all these
   * @throws NotFoundError, InvalidStateError; NoSuchModelError for that of an edit, InvalidInputError for its files
   */
  return async function retry(taskId: string, { by, edit }: RetryOptions = {}): Promise<readonly Changed[]> {
    const planned = edit && (await plan(taskId, edit));
    const work = () => database.lanes.transact((tx) => retryIn(tx, taskId, { by, edit: planned }));
    const changed = await untilCurrent(work).catch((error: unknown) => {
      throw explain(error);
    });
    announceChanged(core, changed);
    return changed;
  };
}
