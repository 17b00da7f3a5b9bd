import type { BatchState } from '../batch-state.ts';
import type { BatchWatch } from '../batch-watch.ts';
import { type Source, Wake } from '../stream.ts';

/** Progress alone is none: counts would be told again and again. */
function isNews(state: BatchState, told: BatchState | null): boolean {
  return told === null || state.version !== told.version || state.total !== told.total;
}

/** One batch, as it is and as it becomes, until all its tasks are final or it is gone. */
export function batchSource(watch: BatchWatch, id: string): Source<BatchState> {
  const wake = new Wake();
  let current: BatchState | null | undefined;
  let told: BatchState | null = null;
  const stop = watch.one(id, (state) => {
    current = state;
    wake.raise();
  });
  return {
    async pull(ended) {
      while (!ended.aborted && current !== null && (told?.finishedAt ?? null) === null) {
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
