import { InvalidStateError, NotFoundError } from '../errors.ts';

/** What the work answers; null where somebody was there first: the task has ended, or waits again, or is gone. */
export async function inTime<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof InvalidStateError || error instanceof NotFoundError) return null;
    throw error;
  }
}

/** Cancels a task, unless it has ended by itself or is gone. */
export async function cancelIfOpen(
  tasks: { cancel(taskId: string): Promise<unknown> },
  taskId: string,
): Promise<void> {
  await inTime(() => tasks.cancel(taskId));
}
