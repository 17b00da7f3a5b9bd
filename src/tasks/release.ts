import type { TaskPriority, Transaction } from '../database/index.ts';
import { randomId } from '../ids.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { jobPriority } from './priority.ts';
import { createWindow } from './window.ts';

const MAX_GROUP = 500;

interface Row {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly userId: string;
  readonly queueId: string;
  readonly cost: number;
  readonly priority: TaskPriority;
}

const selectDue = `
  SELECT id, user_id AS "userId", queue_id AS "queueId", cost, priority FROM task
  WHERE start_at > $1 AND start_at <= now() AND status = 'SCHEDULED'
  ORDER BY id LIMIT ${MAX_GROUP} FOR UPDATE SKIP LOCKED`;

export function createRelease(core: Core) {
  const { database, queue: boss } = core;
  const window = createWindow(database);

  async function releaseIn(tx: Transaction, since: Date): Promise<Changed[]> {
    const rows = await tx.query<Row>(selectDue, [since]);
    const now = database.clock.now();
    const due = rows.map((row) => ({ ...row, jobId: randomId() }));
    const byQueue = [...Map.groupBy(due, ({ queueId }) => queueId)].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [queueId, group] of byQueue) {
      const jobs = group.map(({ id, userId, cost, priority, jobId }) => ({
        id: jobId,
        taskId: id,
        userId,
        cost,
        priority: jobPriority(priority, now),
      }));
      const inserted = await boss.insert(tx, await boss.get(queueId), jobs);
      await inserted.answer;
    }
    return change(
      tx,
      core.shard(tx),
      due.map(({ id, jobId }) => ({ taskId: id, event: 'RELEASED', jobId })),
    );
  }

  /** Queues the scheduled tasks whose start time has come. Answers how many. */
  return async function releaseDue(): Promise<number> {
    return window.sweep(async (since) => {
      const released = await database.lanes.transact((tx) => releaseIn(tx, since));
      announceChanged(core, released);
      return { changed: released.length, isDone: released.length < MAX_GROUP };
    });
  };
}
