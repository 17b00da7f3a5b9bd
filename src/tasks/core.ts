import type { Database, Transaction } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';
import type { Log } from '../log.ts';
import type { Queue } from '../queue/index.ts';
import type { Changed } from './apply.ts';
import type { FairShare } from './fair/index.ts';

/** What every part of this folder works with. */
export interface Core {
  readonly database: Database;
  readonly queue: Queue;
  readonly carrier: Carrier;
  readonly log: Log;
  readonly shares: FairShare;
  /** Which shard of the counts a transaction adds to: no two of this process that run at once share one. */
  shard(tx: Transaction): number;
}

/** Tells everybody, after the commit, which tasks changed; and which queues may have work by that, when they do. */
export function announceChanged({ carrier }: Core, changed: readonly Changed[]): void {
  for (const { taskId, userId } of changed) carrier.announce({ type: 'task', id: taskId, userId });
  const queued = changed.filter(({ status }) => status === 'QUEUED');
  for (const [id, group] of Map.groupBy(queued, ({ queueId }) => queueId)) {
    const times = new Set(group.map(({ dueInMs }) => dueInMs ?? 0));
    for (const ms of times) carrier.announce({ type: 'queue', id }, ms);
  }
}
