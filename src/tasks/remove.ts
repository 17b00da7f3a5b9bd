import type { TaskStatus, Transaction } from '../database/index.ts';
import { InvalidStateError, NotFoundError } from '../errors.ts';
import type { Core } from './core.ts';

const remove = `
  DELETE FROM task WHERE id = $1 AND status IN ('SUCCEEDED', 'FAILED', 'CANCELED') RETURNING user_id AS "userId"`;

const artifactsOf = 'SELECT artifact_id AS id FROM task_artifact WHERE task_id = $1';
// As in the collection of garbage: locked first, so that the deletion sees every task that names one by then.
const lockArtifacts = 'SELECT id FROM artifact WHERE id = ANY ($1) ORDER BY id FOR UPDATE';
const removeUnnamed = `
  DELETE FROM artifact
  WHERE id = ANY ($1) AND NOT EXISTS (SELECT FROM task_artifact WHERE artifact_id = artifact.id)`;

/** Answers whose it was; null where there is no such task that has ended. */
async function removeWithArtifacts(tx: Transaction, taskId: string): Promise<string | null> {
  const artifacts = await tx.query<{ id: string }>(artifactsOf, [taskId]);
  const [removed] = await tx.query<{ userId: string }>(remove, [taskId]);
  if (!removed) return null;
  const ids = artifacts.map(({ id }) => id);
  if (ids.length > 0) {
    await tx.query(lockArtifacts, [ids]);
    await tx.query(removeUnnamed, [ids]);
  }
  return removed.userId;
}

export function createRemove({ database, carrier }: Core) {
  /**
   * Deletes a task that has ended, with its events, its attempts and the artifacts that no other task names;
   * their files, which nobody can ask for any more, go with the next clean-up.
   * @throws NotFoundError, InvalidStateError
   */
  return async function removeTask(taskId: string): Promise<void> {
    const userId = await database.lanes.transact((tx) => removeWithArtifacts(tx, taskId));
    if (userId !== null) {
      carrier.announce({ type: 'task', id: taskId, userId });
      return;
    }
    const found = await database.pool.query<{ status: TaskStatus }>('SELECT status FROM task WHERE id = $1', [
      taskId,
    ]);
    const status = found.rows[0]?.status;
    if (status === undefined) throw new NotFoundError('there is no such task');
    throw new InvalidStateError(
      `only a task that has ended can be deleted: it is ${status}; cancel it first`,
      status,
    );
  };
}
