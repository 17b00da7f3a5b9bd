import type { Database, TaskEvent, TaskStatus } from '../database/index.ts';

const finalStatuses: ReadonlySet<TaskStatus> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED']);

/** Whether nothing more happens to a task in this state, unless somebody asks for a retry. */
export function isFinal(status: TaskStatus): boolean {
  return finalStatuses.has(status);
}

/**
 * A task's durable events above version `after`, in order and without a gap, at most `first` of them.
 * Empty where there are none, and where there is no such task.
 */
export function readEvents(
  { prisma }: Pick<Database, 'prisma'>,
  taskId: string,
  { after = 0, first = 100 }: { after?: number; first?: number } = {},
): Promise<TaskEvent[]> {
  return prisma.taskEvent.findMany({
    where: { taskId, version: { gt: after } },
    orderBy: { version: 'asc' },
    take: first,
  });
}

export interface EventReader {
  /** A page of the events above version `after`, oldest first. */
  read(taskId: string, after: number): Promise<readonly TaskEvent[]>;
  /** Whether there is such a task. */
  exists(taskId: string): Promise<boolean>;
}

/** Reads for streams: subscribers that stand at the same place of the same log share one read. */
export function createEventReader(database: Pick<Database, 'prisma'>): EventReader {
  const reading = new Map<string, Promise<readonly TaskEvent[]>>();
  return {
    read(taskId, after) {
      const key = `${taskId} ${after}`;
      let read = reading.get(key);
      if (!read) {
        read = readEvents(database, taskId, { after }).finally(() => reading.delete(key));
        reading.set(key, read);
      }
      return read;
    },
    async exists(taskId) {
      return (await database.prisma.task.count({ where: { id: taskId } })) > 0;
    },
  };
}
