import type { Transaction } from '../database/index.ts';
import { InvalidStateError, NotFoundError } from '../errors.ts';
import { areNeeded, lockTogether, removeTogether } from '../tasks/index.ts';
import type { Core } from './core.ts';
import { isLive, isOpen } from './parts.ts';
import { lockGeneration } from './store.ts';
import type { Part } from './types.ts';
import { isStopped } from './wind-up.ts';

const tasksOf = 'SELECT task_id AS id FROM generation_task WHERE generation_id = $1';

/**
 * In the order of locks: the tasks, the generation, behind whose lock is seen what came in between, and with the files
 * what the user has stored.
 */
async function removeWithTasks(tx: Transaction, id: string): Promise<{ taskIds: string[]; userId: string }> {
  const taskIds = (await tx.query<{ id: string }>(tasksOf, [id])).map((task) => task.id);
  void lockTogether(tx, taskIds);
  const generation = await lockGeneration(tx, id);
  if (!generation) throw new NotFoundError('there is no such generation');
  const { given, state, parts } = generation;
  const known = new Set(taskIds);
  const isUnderWay = (part: Part): boolean => isLive(part) || (isOpen(part) && !isStopped(state));
  if (parts.some((part) => isUnderWay(part) || !known.has(part.taskId))) {
    const { status } = state;
    throw new InvalidStateError(
      `a task of the generation is under way, it is ${status}: cancel it first`,
      status,
    );
  }
  if (await areNeeded(tx, taskIds)) {
    const message = 'other tasks that have not ended depend on a task of the generation: cancel them first';
    throw new InvalidStateError(message, state.status);
  }
  void tx.query('DELETE FROM generation WHERE id = $1', [id]);
  await removeTogether(tx, taskIds);
  return { taskIds, userId: given.userId };
}

/**
 * Deletes a generation with its log, its tasks and their artifacts.
 * @throws NotFoundError; InvalidStateError while a task of it waits or runs, or another that depends on one
 */
export async function removeGeneration({ database, carrier }: Core, id: string): Promise<void> {
  const { taskIds, userId } = await database.lanes.transact((tx) => removeWithTasks(tx, id));
  for (const taskId of taskIds) carrier.announce({ type: 'task', id: taskId, userId });
  carrier.announce({ type: 'generation', id });
}
