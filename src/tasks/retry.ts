import type { TaskPriority, TaskStatus } from '../database/index.ts';
import { InvalidStateError, NotFoundError } from '../errors.ts';
import { randomId } from '../ids.ts';
import { change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { canFollow } from './lifecycle.ts';
import { jobPriority } from './priority.ts';
import { SupersededError, untilCurrent } from './superseded.ts';

interface Row {
  readonly id: string;
  readonly userId: string;
  readonly status: TaskStatus;
  readonly queueId: string;
  readonly cost: number;
  readonly priority: TaskPriority;
  readonly isOverdue: boolean | null;
}

const select = `
  SELECT id, user_id AS "userId", status, queue_id AS "queueId", cost, priority,
         deadline <= now() AS "isOverdue"
  FROM task WHERE id = $1`;

export function createRetry(core: Core) {
  const { database, queue: boss } = core;

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
    const { id, userId, queueId, cost, priority } = await read(taskId);
    const queue = await boss.get(queueId);
    const jobId = randomId();
    const job = {
      id: jobId,
      taskId: id,
      userId,
      cost,
      priority: jobPriority(priority, database.clock.now()),
    };
    const changed = await database.lanes.transact(async (tx) => {
      const inserted = await boss.insert(tx, queue, [job]);
      const [retried] = await change(tx, core.shard(tx), [{ taskId: id, event: 'RETRIED', jobId }]);
      if (!retried) throw new SupersededError();
      await inserted.answer;
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
