import type { Database } from '../../database/index.ts';
import { lockClaims } from '../claim-lock.ts';
import { SCALE_LOCK } from './shares.ts';
import { REBASE_SECONDS } from './tags.ts';

const selectFar = `
  SELECT c.queue_id AS "queueId", c.urgent, c.now FROM fair_clock c WHERE c.now > ${REBASE_SECONDS}`;

// In whole units, so that jobs keep their order.
const rebase = `
  WITH back AS (
    SELECT $1::uuid AS queue_id, $2::boolean AS urgent, floor($3::float8) AS seconds
  ), jobs AS (
    UPDATE pgboss.job_common j
    SET priority = least(CASE WHEN b.urgent THEN 2147483647 ELSE 1000000000 END, j.priority + b.seconds * 10)::int
    FROM back b JOIN queue q ON q.id = b.queue_id
    WHERE j.name = q.boss_name AND j.state < 'active' AND (j.priority > 1000000000) = b.urgent
  ), shares AS (
    UPDATE fair_share s SET finish = s.finish - b.seconds
    FROM back b WHERE s.queue_id = b.queue_id AND (s.priority = 'URGENT') = b.urgent
  )
  UPDATE fair_clock c SET now = c.now - b.seconds
  FROM back b WHERE c.queue_id = b.queue_id AND c.urgent = b.urgent`;

/**
 * Puts the scales of queues back whose virtual time has come far, long before it leaves what pg-boss can order
 * by; nobody claims or queues meanwhile. Every hour or so. Answers how many.
 */
export async function rebaseScales(database: Database): Promise<number> {
  const { rows } = await database.pool.query<{ queueId: string; urgent: boolean }>(selectFar);
  for (const { queueId, urgent } of rows) {
    await database.lanes.transact(async (tx) => {
      void lockClaims(tx);
      void tx.query(`SELECT pg_advisory_xact_lock(${SCALE_LOCK})`);
      const [clock] = await tx.query<{ now: number }>(
        'SELECT now FROM fair_clock WHERE queue_id = $1 AND urgent = $2',
        [queueId, urgent],
      );
      if (clock && clock.now > REBASE_SECONDS) await tx.query(rebase, [queueId, urgent, clock.now]);
    });
  }
  return rows.length;
}

// The last in the lock order: whoever is being charged at this moment is not waited for.
const forget = `
  WITH idle AS MATERIALIZED (
    SELECT s.user_id, s.queue_id, s.priority FROM fair_share s
    WHERE s.used_at < now() - interval '1 hour' AND s.placed_at < now() - interval '1 hour' AND NOT EXISTS (
      SELECT FROM task_count c WHERE c.owner_id = s.user_id HAVING sum(c.queued + c.running) > 0)
    ORDER BY s.user_id, s.queue_id, s.priority FOR UPDATE OF s SKIP LOCKED
  )
  DELETE FROM fair_share s USING idle i
  WHERE (s.user_id, s.queue_id, s.priority) = (i.user_id, i.queue_id, i.priority)`;

/**
 * Forgets the shares of users who have had nothing for an hour and wait for nothing: they begin at the virtual
 * time again. Every hour or so. Answers how many.
 */
export async function forgetIdleShares({ pool }: Database): Promise<number> {
  return (await pool.query(forget)).rowCount ?? 0;
}
