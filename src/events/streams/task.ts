import { isFinal } from '../log.ts';
import type { Source } from '../stream.ts';
import type { TaskRow } from '../task-loader.ts';
import type { TaskWatch } from '../task-watch.ts';
import { latestSource } from './latest.ts';

function isNews(row: TaskRow, told: TaskRow | null): boolean {
  return (
    told === null ||
    row.version > told.version ||
    (row.version === told.version && row.updatedAt.getTime() !== told.updatedAt.getTime())
  );
}

/** One task, as it is and as it becomes, until it is final or gone. */
export function taskSource(watch: TaskWatch, id: string): Source<TaskRow> {
  return latestSource<TaskRow>({
    watch: (changed) => watch.one(id, changed),
    isNews,
    isOver: ({ status }) => isFinal(status),
  });
}
