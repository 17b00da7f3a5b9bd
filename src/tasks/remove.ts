import { IS_NAMED_ARTIFACT } from '../artifacts/index.ts';
import type { TaskStatus, Transaction } from '../database/index.ts';
import { InvalidStateError, NotFoundError } from '../errors.ts';
import type { Core } from './core.ts';
import { isFinal } from './lifecycle.ts';
import { HAS_ENDED, IS_NAMED, IS_NEEDED } from './removable.ts';

const remove = `
  DELETE FROM task WHERE id = $1 AND ${HAS_ENDED} AND NOT ${IS_NAMED} AND NOT ${IS_NEEDED}
  RETURNING user_id AS "userId"`;
const lockTasks = `SELECT FROM task WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`;
const removeAll = `DELETE FROM task WHERE id = ANY ($1::uuid[]) AND ${HAS_ENDED} RETURNING user_id AS "userId"`;
const selectNeeded = `SELECT id FROM task WHERE id = ANY ($1::uuid[]) AND ${IS_NEEDED} LIMIT 1`;
const statusOf = `SELECT status, ${IS_NAMED} AS "isNamed", ${IS_NEEDED} AS "isNeeded" FROM task WHERE id = $1`;

const artifactsOf = 'SELECT DISTINCT artifact_id AS id FROM task_artifact WHERE task_id = ANY ($1::uuid[])';
// As in the collection of garbage: locked first, so that the deletion sees whatever names one by then.
const lockArtifacts = 'SELECT id FROM artifact WHERE id = ANY ($1) ORDER BY id FOR UPDATE';
const removeUnnamed = `
  DELETE FROM artifact
  WHERE id = ANY ($1) AND NOT ${IS_NAMED_ARTIFACT}`;

type Removed = { readonly userId: string };

/** Removes tasks by that statement, and the artifacts that nothing else names. */
async function removeWithArtifacts(
  tx: Transaction,
  taskIds: readonly string[],
  statement: () => Promise<Removed[]>,
): Promise<Removed[]> {
  const artifacts = await tx.query<{ id: string }>(artifactsOf, [taskIds]);
  const removed = await statement();
  if (removed.length === 0) return [];
  const ids = artifacts.map(({ id }) => id);
  if (ids.length > 0) {
    await tx.query(lockArtifacts, [ids]);
    await tx.query(removeUnnamed, [ids]);
  }
  return removed;
}

/** Locks tasks, in their order, for whoever decides behind that lock whether they may go. */
export function lockTogether(tx: Transaction, taskIds: readonly string[]): Promise<unknown> {
  return tx.query(lockTasks, [taskIds]);
}

/** Whether a task that has not ended depends on one of these, which are locked. */
export async function areNeeded(tx: Transaction, taskIds: readonly string[]): Promise<boolean> {
  return (await tx.query(selectNeeded, [taskIds])).length > 0;
}

/**
 * Deletes tasks, as `Tasks.remove` does, for what names them and goes with them. Their streams are told by
 * whoever commits. It comes last in a transaction: what their users have stored is locked by it.
 * Those that have not ended stay.
 */
export async function removeTogether(tx: Transaction, taskIds: readonly string[]): Promise<void> {
  void lockTogether(tx, taskIds);
  await removeWithArtifacts(tx, taskIds, () => tx.query<Removed>(removeAll, [taskIds]));
}

interface Standing {
  readonly status: TaskStatus;
  readonly isNamed: boolean;
  readonly isNeeded: boolean;
}

function whyNot({ status, isNamed, isNeeded }: Standing): string {
  if (!isFinal(status)) return `only a task that has ended can be deleted: it is ${status}; cancel it first`;
  if (isNamed) return 'the task belongs to a generation or a document: delete that';
  return isNeeded
    ? 'other tasks that have not ended depend on it: cancel them first'
    : 'the task has changed meanwhile: try again';
}

export function createRemove({ database, carrier }: Core) {
  async function refuse(taskId: string): Promise<never> {
    const { rows } = await database.pool.query<Standing>(statusOf, [taskId]);
    const [found] = rows;
    if (!found) throw new NotFoundError('there is no such task');
    throw new InvalidStateError(whyNot(found), found.status);
  }

  /**
   * Deletes a task that has ended, with its events, its attempts and the artifacts that nothing else names;
   * their files, which nobody can ask for any more, go with the next clean-up.
   * @throws NotFoundError, InvalidStateError
   */
  return async function removeTask(taskId: string): Promise<void> {
    const [removed] = await database.lanes.transact((tx) =>
      removeWithArtifacts(tx, [taskId], async () => {
        // Whoever adds a child has the task locked meanwhile.
        void lockTogether(tx, [taskId]);
        return tx.query<Removed>(remove, [taskId]);
      }),
    );
    if (!removed) return refuse(taskId);
    carrier.announce({ type: 'task', id: taskId, userId: removed.userId });
  };
}
