import type { Transaction } from '../database/index.ts';
import { NotFoundError } from '../errors.ts';
import { kindOf } from '../kinds/index.ts';
import type { Nodes } from '../nodes/index.ts';
import { type Act, noteActs } from './acts.ts';
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
async function lockAll(tx: Transaction, taskIds: readonly string[]): Promise<Relative[]> {
  const before = await lockRelatives(tx, taskIds);
  const relatives = await lockRelatives(tx, taskIds);
  const locked = new Set(before.map(({ id }) => id));
  if (relatives.some(({ id }) => !locked.has(id))) throw new SupersededError();
  return relatives;
}

/** What is retried, with the queue and the cost that the edit gives it. */
function withEdit({ queued, ...rest }: Revival, taskId: string, edit: PlannedEdit): Revival {
  const changed = { queueId: edit.queueId, cost: costOf(edit) };
  return { ...rest, queued: queued.map((task) => (task.id === taskId ? { ...task, ...changed } : task)) };
}

export interface RetryManyOptions {
  readonly by: string;
  /** What may not be retried again. */
  readonly once: ReadonlySet<string>;
}

export interface Retry {
  /**
   * Puts a task that failed or was canceled back into its queue, with all its tries; with it whatever it depends
   * on and did not succeed, and whatever failed for nothing but one of these. What has a start time in the future
   * waits for it again.
   * @returns the steps of all these
   * @throws NotFoundError, InvalidStateError; NoSuchModelError for that of an edit, InvalidInputError for its files
   */
  retry(taskId: string, options?: RetryOptions): Promise<readonly Changed[]>;
  /** The same for many at once, in one transaction; those that cannot be retried are left out. */
  retryMany(taskIds: readonly string[], options: RetryManyOptions): Promise<readonly Changed[]>;
}

export function createRetry(core: Core, { models }: Pick<Nodes, 'models'>): Retry {
  const { database, queue } = core;

  async function plan(taskId: string, edit: Edit): Promise<PlannedEdit> {
    const task = await database.prisma.task.findUnique({ where: { id: taskId } });
    if (!task) throw new NotFoundError('there is no such task');
    const kind = kindOf(task.kind).name;
    const model = edit.model === null ? task.model : await models.choose(kind, edit.model);
    return { ...edit, kind, model, queueId: (await queue.ensure(kind, model)).id };
  }

  async function decide(tx: Transaction, taskIds: readonly string[], once?: ReadonlySet<string>) {
    const relatives = await lockAll(tx, taskIds);
    const family = relatives.filter(({ isLookedAt }) => !isLookedAt).map(({ id }) => id);
    return decideRetry(taskIds, relatives, await readEdges(tx, family), once);
  }

  async function write(tx: Transaction, { queued, blocked, early }: Revival, act: Act): Promise<Changed[]> {
    const changed = await change(
      core,
      tx,
      [
        ...blocked.map(({ id }) => ({ taskId: id, event: 'RETRIED', to: 'BLOCKED', jobId: null }) as const),
        ...early.map(({ id }) => ({ taskId: id, event: 'RETRIED', to: 'SCHEDULED', jobId: null }) as const),
      ],
      queued.map((task) => ({ ...task, event: 'RETRIED' })),
    );
    const ids = changed.map(({ taskId }) => taskId);
    noteActs(tx, ids, act);
    return changed;
  }

  async function commit(work: (tx: Transaction) => Promise<Changed[]>): Promise<readonly Changed[]> {
    const changed = await untilCurrent(() => database.lanes.transact(work)).catch((error: unknown) => {
      throw explain(error);
    });
    announceChanged(core, changed);
    return changed;
  }

  return {
    async retry(taskId, { by, edit } = {}) {
      const planned = edit && (await plan(taskId, edit));
      return commit(async (tx) => {
        const { refused, ...revival } = await decide(tx, [taskId]);
        const refusal = refused.get(taskId);
        if (refusal) throw refusal;
        if (!planned) return write(tx, revival, { by });
        const former = await writeEdit(tx, taskId, planned);
        return write(tx, withEdit(revival, taskId, planned), { by, former });
      });
    },
    retryMany: (taskIds, { by, once }) =>
      commit(async (tx) => write(tx, await decide(tx, taskIds, once), { by })),
  };
}
