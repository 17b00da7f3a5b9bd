import type { TaskPriority, TaskStatus, Tier } from '../database/index.ts';
import { InvalidStateError, NotFoundError } from '../errors.ts';
import { announceChanged, type Core } from './core.ts';
import { enqueue } from './enqueue.ts';
import { canFollow } from './lifecycle.ts';
import { SupersededError, untilCurrent } from './superseded.ts';

interface Row {
  readonly id: string;
  readonly userId: string;
  readonly status: TaskStatus;
  readonly queueId: string;
  readonly cost: number;
  readonly priority: TaskPriority;
  readonly tier: Tier;
  readonly isOverdue: boolean | null;
}

const select = `
  SELECT t.id, t.user_id AS "userId", t.status, t.queue_id AS "queueId", t.cost, t.priority, u.tier,
         t.deadline <= now() AS "isOverdue"
  FROM task t JOIN user_account u ON u.id = t.user_id WHERE t.id = $1`;

export function createRetry(core: Core) {
  const { database } = core;

  async function read(taskId: string): Promise<Row> {
    const { rows } = await database.pool.query<Row>(select, [taskId]);
    const row = rows[0];
    if (!row) throw new NotFoundError('there is no such task');
    if (!canFollow(row.status, 'RETRIED')) {
      throw new InvalidStateError(
        `only a task that failed or was canceled can be retried: it is ${row.status}`,
        row.status,
      );
    }
    if (row.isOverdue) throw new InvalidStateError('the deadline of the task has passed', row.status);
    return row;
  }

  async function tryOnce(taskId: string): Promise<void> {
    const row = await read(taskId);
    const changed = await database.lanes.transact(async (tx) => {
      const [retried] = await enqueue(core, tx, 'RETRIED', [row]);
      if (!retried) throw new SupersededError();
      return retried;
    });
    announceChanged(core, [changed]);
  }

  /**
   * Puts a task that failed or was canceled back into its queue, with all its tries.
   * @throws NotFoundError, InvalidStateError
   */
  return (taskId: string): Promise<void> => untilCurrent(() => tryOnce(taskId));
}
