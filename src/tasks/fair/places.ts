import type { Database, TaskPriority, Transaction } from '../../database/index.ts';
import type { Log } from '../../log.ts';
import { SCALE_LOCK, type ShareKey } from './shares.ts';
import { type Move, placedAnew, REBASE_SECONDS, type WaitingJob } from './tags.ts';

/** Jobs that are moved in one transaction: claims wait for no more. */
const MAX_GROUP = 500;

// Whoever comes second finds it done.
const begin = `
  UPDATE fair_share SET drift = 0, placed_at = now()
  WHERE user_id = $1 AND queue_id = $2 AND priority = $3::task_priority AND placed_at < now() - interval '1 second'`;

// One statement sees a finish and the very jobs that it is the end of.
const selectWaiting = `
  SELECT j.id, j.priority AS place, t.priority, t.charged_seconds / s.weight AS "virtualSeconds", s.finish
  FROM fair_share s JOIN queue q ON q.id = s.queue_id
  JOIN pgboss.job_common j ON j.name = q.boss_name AND j.state < 'active' AND NOT j.blocked
    AND j.data->>'userId' = s.user_id::text
  JOIN task t ON t.id = (j.data->>'taskId')::uuid AND t.job_id = j.id AND t.priority = s.priority
  WHERE s.user_id = $1 AND s.queue_id = $2 AND s.priority = $3::task_priority
  ORDER BY j.priority DESC, j.created_on`;

type WaitingRow = WaitingJob & { readonly finish: number; readonly priority: TaskPriority };

const move = `
  WITH held AS MATERIALIZED (
    SELECT j.name, j.id, m.place FROM unnest($2::uuid[], $3::int[], $4::int[]) AS m (id, before, place)
    JOIN queue q ON q.id = $1 JOIN pgboss.job_common j ON j.name = q.boss_name AND j.id = m.id
    WHERE j.state < 'active' AND j.priority = m.before
    ORDER BY j.id FOR UPDATE OF j
  )
  UPDATE pgboss.job_common j SET priority = held.place FROM held WHERE j.name = held.name AND j.id = held.id`;

async function moveJobs(database: Database, queueId: string, moves: readonly Move[]): Promise<void> {
  for (let first = 0; first < moves.length; first += MAX_GROUP) {
    const group = moves.slice(first, first + MAX_GROUP);
    await database.lanes.transact(
      (tx) =>
        tx.query(move, [
          queueId,
          group.map(({ id }) => id),
          group.map(({ from }) => from),
          group.map(({ to }) => to),
        ]),
      { durable: false },
    );
  }
}

export interface Places {
  /** Soon gives the waiting jobs of those shares their right places. */
  placeAnew(shares: readonly ShareKey[]): void;
  idle(): Promise<void>;
}

/** Moves waiting jobs to where the corrected shares of their users would have put them. */
export function createPlaces({ database, log }: { database: Database; log: Log }): Places {
  let working: Promise<void> = Promise.resolve();

  async function place({ userId, queueId, priority }: ShareKey): Promise<void> {
    const key = [userId, queueId, priority];
    const { rowCount } = await database.pool.query(begin, key);
    if (rowCount === 0) return;
    const { rows } = await database.pool.query<WaitingRow>(selectWaiting, key);
    const [first] = rows;
    if (first) await moveJobs(database, queueId, placedAnew(first.finish, rows));
  }

  return {
    placeAnew(shares) {
      for (const share of shares) {
        working = working
          .then(() => place(share))
          .catch((error: unknown) => {
            // The next correction of the share finds it astray again.
            log.warn({ err: error }, 'waiting jobs could not be placed anew');
          });
      }
    },
    idle: () => working,
  };
}

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
 * @param lockClaims waits until no claim is under way
 */
export async function rebaseScales(
  database: Database,
  lockClaims: (tx: Transaction) => Promise<unknown>,
): Promise<number> {
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
