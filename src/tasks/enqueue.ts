import type { TaskPriority, Tier, Transaction } from '../database/index.ts';
import { randomId } from '../ids.ts';
import type { Change } from './apply.ts';
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

/** A task without a job that comes into its queue. */
export interface Entering extends Waiting {
  readonly event: Extract<Change['event'], 'RELEASED' | 'RETRIED'>;
}

/** What its user is charged with once it is queued, with the job that it gets. */
export async function toCharge({ queue, shares }: Core, task: Waiting): Promise<Charge> {
  const { id, userId, queueId, cost, priority, tier } = task;
  const seconds = shares.expect(await queue.get(queueId), cost);
  return {
    ...{ taskId: id, jobId: randomId(), userId, queueId, priority, seconds },
    weight: shares.weightOf(tier),
  };
}

/** Charges for tasks that have become QUEUED, and inserts the jobs that they have by now, a statement for each queue. */
export async function enter(
  { queue: boss }: Core,
  tx: Transaction,
  queued: readonly (Waiting & { readonly charge: Charge })[],
): Promise<void> {
  if (queued.length === 0) return;
  const tags = (
    await chargeShares(
      tx,
      queued.map(({ charge }) => charge),
    )
  )(queued.map(({ charge }) => charge));
  for (const [queueId, group] of Map.groupBy(queued, (task) => task.queueId)) {
    const jobs = group.map(({ id, userId, cost, priority, charge }) => ({
      ...{ id: charge.jobId, taskId: id, userId, cost, taskPriority: priority },
      priority: placeOf(tags.get(id) ?? 0, priority),
    }));
    await (await boss.insert(tx, await boss.get(queueId), jobs)).answer;
  }
}
