import type { Database } from '../database/index.ts';
import { firstIdOf } from '../ids.ts';

const DAY_MS = 24 * 3600 * 1000;
const MAX_GROUP = 1_000;

// Ids begin with the time of creation. What is still to be sent stays, however long it takes.
const removeOld = `
  DELETE FROM webhook_delivery WHERE id IN (
    SELECT id FROM webhook_delivery WHERE id < $1 AND next_attempt_at IS NULL ORDER BY id LIMIT ${MAX_GROUP}
    FOR UPDATE SKIP LOCKED)`;

// What a deleted webhook has left, and what was written by transactions that had seen it. From webhook to webhook by the
// index of the log.
const removeOrphans = `
  WITH RECURSIVE logged AS (
    (SELECT webhook_id FROM webhook_delivery ORDER BY webhook_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.webhook_id FROM webhook_delivery d WHERE d.webhook_id > logged.webhook_id ORDER BY d.webhook_id LIMIT 1)
    FROM logged WHERE logged.webhook_id IS NOT NULL
  )
  DELETE FROM webhook_delivery WHERE id IN (
    SELECT d.id FROM logged JOIN webhook_delivery d USING (webhook_id)
    WHERE NOT EXISTS (SELECT FROM webhook w WHERE w.id = logged.webhook_id)
    LIMIT ${MAX_GROUP} FOR UPDATE OF d SKIP LOCKED)`;

// Written while it was disabled.
const endOfDisabled = `
  UPDATE webhook_delivery SET next_attempt_at = NULL, error = coalesce(error, 'not sent: the webhook was disabled')
  WHERE id IN (
    SELECT d.id FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
    WHERE d.next_attempt_at IS NOT NULL AND NOT w.enabled AND NOT d.by_hand
      AND (d.lease_until IS NULL OR d.lease_until <= now())
    LIMIT ${MAX_GROUP} FOR UPDATE OF d SKIP LOCKED)`;

// Webhooks of tasks that no task names any more, and that have nothing in the log.
const removeUnused = `
  DELETE FROM webhook WHERE id IN (
    SELECT w.id FROM webhook w
    WHERE w.for_tasks AND w.used_at < now() - interval '1 day'
      AND NOT EXISTS (SELECT FROM task_webhook t WHERE t.webhook_id = w.id)
      AND NOT EXISTS (SELECT FROM webhook_delivery d WHERE d.webhook_id = w.id)
    LIMIT ${MAX_GROUP} FOR UPDATE OF w SKIP LOCKED)`;

/** Removes what the log keeps no longer, and what is of no more use, until the signal aborts. Answers how much of each. */
export async function cleanWebhooks(
  { pool, clock }: Pick<Database, 'pool' | 'clock'>,
  logDays: number,
  signal?: AbortSignal,
) {
  async function all(statement: string, values: readonly unknown[] = []): Promise<number> {
    let total = 0;
    while (!signal?.aborted) {
      const { rowCount } = await pool.query(statement, [...values]);
      total += rowCount ?? 0;
      if ((rowCount ?? 0) < MAX_GROUP) break;
    }
    return total;
  }
  const limit = new Date(clock.now().getTime() - logDays * DAY_MS);
  return {
    deliveries: await all(removeOld, [firstIdOf(limit)]),
    orphans: await all(removeOrphans),
    ended: await all(endOfDisabled),
    webhooks: await all(removeUnused),
  };
}
