import type { BatchState } from '../batch-state.ts';
import type { BatchWatch } from '../batch-watch.ts';
import type { Source } from '../stream.ts';
import { latestSource } from './latest.ts';

/** Progress alone is none: counts would be told again and again. */
function isNews(state: BatchState, told: BatchState | null): boolean {
  return told === null || state.version !== told.version || state.total !== told.total;
}

/** One batch, as it is and as it becomes, until all its tasks are final or it is gone. */
export function batchSource(watch: BatchWatch, id: string): Source<BatchState> {
  return latestSource<BatchState>({
    watch: (changed) => watch.one(id, changed),
    isNews,
    isOver: ({ finishedAt }) => finishedAt !== null,
  });
}
