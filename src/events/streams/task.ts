import { isFinal } from '../log.ts';
import { type Source, Wake } from '../stream.ts';
import type { TaskRow } from '../task-loader.ts';
import type { TaskWatch } from '../task-watch.ts';

function isNews(row: TaskRow, told: TaskRow | null): boolean {
  return (
    told === null ||
    row.version > told.version ||
    (row.version === told.version && row.updatedAt.getTime() !== told.updatedAt.getTime())
  );
}

/** One task, as it is and as it becomes, until it is final or gone. */
export function taskSource(watch: TaskWatch, id: string): Source<TaskRow> {
  const wake = new Wake();
  let current: TaskRow | null | undefined;
  let told: TaskRow | null = null;
  const stop = watch.one(id, (row) => {
    current = row;
    wake.raise();
  });
  return {
    async pull(ended) {
      while (!ended.aborted && current !== null && !(told && isFinal(told.status))) {
        if (current && isNews(current, told)) {
          told = current;
          return told;
        }
        await wake.wait();
      }
      return null;
    },
    close() {
      stop();
      wake.raise();
    },
  };
}
