import type { Transaction } from '../database/index.ts';
import { noteActs } from './acts.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import type { Waiting } from './enqueue.ts';
import { inTime } from './in-time.ts';
import { type Pages, sumOver } from './pages.ts';
import type { RetryOptions } from './retry.ts';

export interface RetryAllOptions {
  retry(taskId: string, options: RetryOptions): Promise<readonly Changed[]>;
}

// Those that have nothing to do with others. The rest is retried one by one, each with its family.
const lockLone = `
  SELECT t.id, t.user_id AS "userId", t.queue_id AS "queueId", t.cost, t.priority, u.tier
  FROM task t JOIN user_account u ON u.id = t.user_id
  WHERE t.id = ANY ($1::uuid[]) AND t.status IN ('FAILED', 'CANCELED')
    AND coalesce(t.deadline > now(), true) AND coalesce(t.start_at <= now(), true)
    AND NOT EXISTS (SELECT FROM task_dependency d WHERE d.child_id = t.id)
    AND NOT EXISTS (SELECT FROM task_dependency d WHERE d.parent_id = t.id)
  ORDER BY t.id FOR UPDATE OF t`;

export function createRetryAll(core: Core, { retry }: RetryAllOptions) {
  async function retryLone(tx: Transaction, ids: readonly string[], by: string): Promise<Changed[]> {
    const lone = await tx.query<Waiting & Record<string, unknown>>(lockLone, [ids]);
    const changed = await change(
      core,
      tx,
      [],
      lone.map((task) => ({ ...task, event: 'RETRIED' })),
    );
    const retried = changed.map(({ taskId }) => taskId);
    noteActs(tx, retried, { by });
    return changed;
  }

  async function retryPage(ids: readonly string[], by: string): Promise<number> {
    const changed = await core.database.lanes.transact((tx) => retryLone(tx, ids, by));
    announceChanged(core, changed);
    const done = new Set(changed.map(({ taskId }) => taskId));
    let count = done.size;
    for (const id of ids) {
      if (done.has(id)) continue;
      const family = (await inTime(() => retry(id, { by }))) ?? [];
      for (const { taskId } of family) done.add(taskId);
      count += family.length;
    }
    return count;
  }

  /** See `Bulk.retryAll`. */
  return (pages: Pages, by: string): Promise<number> => sumOver(pages, (ids) => retryPage(ids, by));
}
