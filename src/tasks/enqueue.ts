import type { TaskPriority, Tier, Transaction } from '../database/index.ts';
import { randomId } from '../ids.ts';
import { type Change, type Changed, change } from './change.ts';
import type { Core } from './core.ts';
import { type Charge, chargeShares, placeOf } from './fair/index.ts';

/** A task that is to wait in its queue. */
export interface Waiting {
  readonly id: string;
  readonly userId: string;
  readonly queueId: string;
  readonly cost: number;
  readonly priority: TaskPriority;
  readonly tier: Tier;
}

/**
 * Puts tasks that had no job into their queues, behind what their users have there: those that can take the
 * step. Their new jobs come last, since nobody waits for what nobody knows.
 * @returns the steps that were taken
 */
export async function enqueue(
  core: Core,
  tx: Transaction,
  event: Extract<Change['event'], 'RELEASED' | 'RETRIED'>,
  tasks: readonly Waiting[],
): Promise<Changed[]> {
  const { queue: boss, shares } = core;
  const charges = await Promise.all(
    tasks.map(async ({ id, userId, queueId, cost, priority, tier }): Promise<Charge> => {
      const seconds = shares.expect(await boss.get(queueId), cost);
      const weight = shares.weightOf(tier);
      return { taskId: id, jobId: randomId(), userId, queueId, priority, seconds, weight };
    }),
  );
  const changed = await change(
    core,
    tx,
    charges.map(({ taskId, jobId, seconds }) => ({ taskId, event, jobId, chargedSeconds: seconds })),
  );
  const taken = new Set(changed.map(({ taskId }) => taskId));
  const queued = charges.filter(({ taskId }) => taken.has(taskId));
  if (queued.length === 0) return changed;
  const tags = (await chargeShares(tx, queued))(queued);
  const costs = new Map(tasks.map(({ id, cost }) => [id, cost]));
  for (const [queueId, group] of Map.groupBy(queued, (charge) => charge.queueId)) {
    const jobs = group.map(({ taskId, jobId, userId, priority }) => ({
      ...{ id: jobId, taskId, userId, cost: costs.get(taskId) ?? 1, taskPriority: priority },
      priority: placeOf(tags.get(taskId) ?? 0, priority),
    }));
    await (await boss.insert(tx, await boss.get(queueId), jobs)).answer;
  }
  return changed;
}
