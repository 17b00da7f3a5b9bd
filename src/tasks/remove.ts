import type { TaskStatus } from '../database/index.ts';
import { InvalidStateError, NotFoundError } from '../errors.ts';
import type { Core } from './core.ts';

const remove = `
  DELETE FROM task WHERE id = $1 AND status IN ('SUCCEEDED', 'FAILED', 'CANCELED') RETURNING user_id AS "userId"`;

export function createRemove({ database, carrier }: Core) {
  /**
   * Deletes a task that has ended, with its events and attempts; its artifacts go with the next clean-up.
   * @throws NotFoundError, InvalidStateError
   */
  return async function removeTask(taskId: string): Promise<void> {
    const { rows } = await database.pool.query<{ userId: string }>(remove, [taskId]);
    const removed = rows[0];
    if (removed) {
      carrier.announce({ type: 'task', id: taskId, userId: removed.userId });
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
