import { type CancelAllOptions, createCancelAll } from './cancel-all.ts';
import type { Core } from './core.ts';
import type { Pages } from './pages.ts';
import { createRetryAll, type RetryAllOptions } from './retry-all.ts';

/** What one command does to many tasks, in a transaction for each page. */
export interface Bulk {
  /**
   * Retries those of the tasks that can be, as `retry` does; none twice, though it may fail again meanwhile.
   * @param pages parents before children: in the order of their ids
   * @returns how many wait again
   */
  retryAll(pages: Pages, by: string): Promise<number>;
  /**
   * Cancels those of the tasks that have not ended, as `cancel` does, but does not wait for what becomes of the calls.
   * @param pages children before parents: in the reverse order of their ids
   * @returns how many it canceled
   */
  cancelAll(pages: Pages, by: string): Promise<number>;
}

export function createBulk(core: Core, options: RetryAllOptions & CancelAllOptions): Bulk {
  return { retryAll: createRetryAll(options), cancelAll: createCancelAll(core, options) };
}
