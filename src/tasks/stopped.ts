import type { Core } from './core.ts';
import type { Lease } from './types.ts';

const update = `
  UPDATE task_attempt a SET stopped = $3 FROM task t
  WHERE a.task_id = $1 AND a.number = $2 AND a.outcome = 'CANCELED' AND t.id = a.task_id
  RETURNING t.user_id AS "userId"`;

export function createStopped({ database, carrier }: Core) {
  /** Tells whoever canceled the task whether its node stopped working on it. Without effect on other attempts. */
  return async function stopped(
    { taskId, attempt }: Pick<Lease, 'taskId' | 'attempt'>,
    isStopped: boolean,
  ): Promise<void> {
    const { rows } = await database.pool.query<{ userId: string }>(update, [taskId, attempt, isStopped]);
    for (const { userId } of rows) carrier.announce({ type: 'task', id: taskId, userId });
  };
}
