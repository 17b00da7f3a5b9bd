import type { Pages } from './pages.ts';
import type { Retry } from './retry.ts';

export type RetryAllOptions = Pick<Retry, 'retryMany'>;

/** See `Bulk.retryAll`. */
export function createRetryAll({ retryMany }: RetryAllOptions) {
  return async (pages: Pages, by: string): Promise<number> => {
    const done = new Set<string>();
    for await (const ids of pages) {
      for (const { taskId } of await retryMany(ids, { by, once: done })) done.add(taskId);
    }
    return done.size;
  };
}
