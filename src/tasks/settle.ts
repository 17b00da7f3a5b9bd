import { createBatcher } from '../database/index.ts';
import { announceChanged, type Core } from './core.ts';
import { endAttempts } from './end-attempts.ts';
import { reserveRetries } from './retry-budget.ts';
import type { Settlement } from './types.ts';

const MAX_GROUP = 200;

/** `stale`: the attempt had ended before, and nothing was changed. */
export type Settled = 'settled' | 'stale';

export interface Settler {
  settle(settlement: Settlement): Promise<Settled>;
  idle(): Promise<void>;
}

/** Settles attempts in groups, each as soon as a lane is free for it: slots are not its matter. */
export function createSettler(core: Core): Settler {
  async function write(group: readonly Settlement[]): Promise<Settled[]> {
    const retryAfter = await reserveRetries(core, group);
    const attempts = await Promise.all(
      group.map(async ({ lease, queueId, end, gpuMs }) => ({
        taskId: lease.taskId,
        attempt: lease.attempt,
        job: lease.job,
        queue: await core.queue.get(queueId),
        end,
        gpuMs,
        retryAfterMs: retryAfter.get(lease.taskId) ?? 0,
      })),
    );
    const changed = await core.database.lanes.transact((tx) => endAttempts(core, tx, attempts));
    announceChanged(core, changed);
    const settled = new Set(changed.map(({ taskId, attempt }) => `${taskId} ${attempt}`));
    return group.map(({ lease: { taskId, attempt } }) =>
      settled.has(`${taskId} ${attempt}`) ? 'settled' : 'stale',
    );
  }

  const batcher = createBatcher<Settlement, Settled>({
    maxSize: MAX_GROUP,
    maxInFlight: Math.max(1, Math.floor(core.database.lanes.size / 2)),
    write,
  });
  return { settle: (settlement) => batcher.add(settlement), idle: () => batcher.idle() };
}
