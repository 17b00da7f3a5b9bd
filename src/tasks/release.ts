import type { Transaction } from '../database/index.ts';
import { type Changed, change } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import type { Waiting } from './enqueue.ts';
import { createWindow } from './window.ts';

const MAX_GROUP = 500;

type DueRow = Waiting & Record<string, unknown>;

const selectDue = `
  SELECT t.id, t.user_id AS "userId", t.queue_id AS "queueId", t.cost, t.priority, u.tier
  FROM task t JOIN user_account u ON u.id = t.user_id
  WHERE t.start_at > $1 AND t.start_at <= now() AND t.status = 'SCHEDULED'
  ORDER BY t.id LIMIT ${MAX_GROUP} FOR UPDATE OF t SKIP LOCKED`;

export function createRelease(core: Core) {
  const { database } = core;
  const window = createWindow(database);

  async function releaseIn(tx: Transaction, since: Date): Promise<Changed[]> {
    const due = await tx.query<DueRow>(selectDue, [since]);
    return change(
      core,
      tx,
      [],
      due.map((task) => ({ ...task, event: 'RELEASED' })),
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
