import type { TaskPriority, Transaction } from '../../database/index.ts';
import { correctionOf, tagsUpTo, timeAt } from './tags.ts';

/** What a user has of one queue with one priority is counted apart. */
export interface ShareKey {
  readonly userId: string;
  readonly queueId: string;
  readonly priority: TaskPriority;
}

/** A task that is queued, if it is: the share is charged for those that have that very job by then. */
export interface Charge extends ShareKey {
  readonly taskId: string;
  readonly jobId: string;
  /** What it is expected to take on a node. */
  readonly seconds: number;
  /** Of its user's tier. */
  readonly weight: number;
}

/** Of the advisory lock that whoever tags shares, and whoever puts the scale back has alone. */
export const SCALE_LOCK = 0x5717_c1a2;

const shareScale = `SELECT pg_advisory_xact_lock_shared(${SCALE_LOCK})`;

/** SQL for the virtual time of that share's queue. */
const timeOf = (share: string): string => `
  coalesce((SELECT c.now FROM fair_clock c
    WHERE c.queue_id = ${share}.queue_id AND c.urgent = (${share}.priority = 'URGENT')), 0)`;

// Tasks of lower priorities of the same user come behind these: they are pushed back by as much, and placed anew
// by and by. The last in the lock order, and by key.
const charge = `
  WITH due AS MATERIALIZED (
    SELECT g.user_id, g.queue_id, g.priority, max(g.weight) AS weight, sum(g.seconds / g.weight) AS seconds
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::task_priority[], $6::float8[], $7::float8[])
      AS g (task_id, job_id, user_id, queue_id, priority, seconds, weight)
    JOIN task t ON t.id = g.task_id AND t.job_id = g.job_id AND t.status = 'QUEUED'
    GROUP BY g.user_id, g.queue_id, g.priority
  ), changing AS (
    SELECT user_id, queue_id, priority, weight, seconds FROM due
    UNION ALL
    SELECT s.user_id, s.queue_id, s.priority, s.weight, 0
    FROM (SELECT user_id, queue_id, max(priority) AS highest FROM due GROUP BY user_id, queue_id) d
    JOIN fair_share s ON s.user_id = d.user_id AND s.queue_id = d.queue_id AND s.priority < d.highest
    WHERE NOT EXISTS (
      SELECT FROM due WHERE (due.user_id, due.queue_id, due.priority) = (s.user_id, s.queue_id, s.priority))
  )
  INSERT INTO fair_share AS f (user_id, queue_id, priority, finish, weight, drift)
  SELECT s.user_id, s.queue_id, s.priority, ${timeOf('s')} + s.seconds, s.weight, coalesce((
    SELECT sum(d.seconds) FROM due d WHERE d.user_id = s.user_id AND d.queue_id = s.queue_id AND d.priority > s.priority
  ), 0)
  FROM changing s ORDER BY s.user_id, s.queue_id, s.priority
  ON CONFLICT (user_id, queue_id, priority) DO UPDATE SET weight = excluded.weight, drift = f.drift + excluded.drift,
    finish = greatest(f.finish + excluded.drift, ${timeOf('f')}) + excluded.finish
      - ${timeOf('f')}
  RETURNING user_id AS "userId", queue_id AS "queueId", priority, finish`;

const shareKey = ({ userId, queueId, priority }: ShareKey): string => `${userId} ${queueId} ${priority}`;

type FinishRow = ShareKey & { readonly finish: number } & Record<string, unknown>;

/**
 * Charges the users' shares for those tasks that were queued; sent at once, and in one turn with what is sent
 * before. Takes the last of a transaction's locks but for jobs that are new.
 * @returns what tells the tags of those that were queued, of which it must be asked for all, in the order in
 * which they are to be served
 */
export async function chargeShares(
  tx: Transaction,
  charges: readonly Charge[],
): Promise<(queued: readonly Charge[]) => Map<string, number>> {
  const column = <T>(of: (one: Charge) => T): T[] => charges.map(of);
  void tx.query(shareScale);
  const rows = await tx.query<FinishRow>(charge, [
    column(({ taskId }) => taskId),
    column(({ jobId }) => jobId),
    column(({ userId }) => userId),
    column(({ queueId }) => queueId),
    column(({ priority }) => priority),
    column(({ seconds }) => seconds),
    column(({ weight }) => weight),
  ]);
  const finishes = new Map(rows.map((row) => [shareKey(row), row.finish]));
  return (queued) => {
    const tags = new Map<string, number>();
    for (const [key, group] of Map.groupBy(queued, shareKey)) {
      const finish = finishes.get(key);
      if (finish === undefined) throw new Error('a task was queued that no share was charged for');
      const own = tagsUpTo(
        finish,
        group.map(({ seconds, weight }) => seconds / weight),
      );
      for (const [n, { taskId }] of group.entries()) tags.set(taskId, own[n] ?? finish);
    }
    return tags;
  };
}

// As they will be charged, if they are not there yet. Those of lower priorities are pushed back or drawn on as well.
const lock = `
  WITH given AS (
    SELECT g.user_id, g.queue_id, g.priority, max(g.weight) AS weight
    FROM unnest($1::uuid[], $2::uuid[], $3::task_priority[], $4::float8[]) AS g (user_id, queue_id, priority, weight)
    GROUP BY g.user_id, g.queue_id, g.priority
  ), share AS (
    SELECT * FROM given
    UNION
    SELECT s.user_id, s.queue_id, s.priority, s.weight
    FROM (SELECT user_id, queue_id, max(priority) AS highest FROM given GROUP BY user_id, queue_id) g
    JOIN fair_share s ON s.user_id = g.user_id AND s.queue_id = g.queue_id AND s.priority <= g.highest
  )
  INSERT INTO fair_share AS f (user_id, queue_id, priority, finish, weight)
  SELECT DISTINCT ON (user_id, queue_id, priority) user_id, queue_id, priority, 0, weight FROM share
  ORDER BY user_id, queue_id, priority
  ON CONFLICT (user_id, queue_id, priority) DO UPDATE SET weight = f.weight`;

/**
 * Locks shares that a transaction both corrects and charges for, so that it takes all of them in the order of
 * their keys.
 */
export function lockShares(
  tx: Transaction,
  shares: readonly (ShareKey & { readonly weight: number })[],
): void {
  void tx.query(shareScale);
  void tx.query(lock, [
    shares.map(({ userId }) => userId),
    shares.map(({ queueId }) => queueId),
    shares.map(({ priority }) => priority),
    shares.map(({ weight }) => weight),
  ]);
}

/** A step of a task that its user's share was charged for. */
export interface SettledStep extends ShareKey {
  readonly chargedSeconds: number;
  readonly measuredSeconds: number;
  readonly isQueuedAgain: boolean;
}

/** What was used counts half as much after so long. */
const HALF_LIFE_SECONDS = 120;

/** SQL for what `used` of that relation's row has faded to by now. */
export const fadedUse = (row: string): string =>
  `${row}.used * power(0.5, greatest(0, extract(epoch FROM now() - ${row}.used_at))::float8 / ${HALF_LIFE_SECONDS})`;

/** Waiting jobs get new places at most this often. */
const PLACING_INTERVAL_SECONDS = 2;

// What is behind a task, those of lower priorities too, moves with it.
const correct = `
  WITH steps AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::task_priority[], $4::float8[], $5::float8[], $6::float8[])
    AS g (user_id, queue_id, priority, seconds, measured, charged)
  ), change AS MATERIALIZED (
    SELECT s.user_id, s.queue_id, s.priority, sum(g.seconds) AS seconds, max(g.charged) AS charged,
           coalesce(sum(g.measured) FILTER (WHERE g.priority = s.priority), 0) AS measured
    FROM fair_share s JOIN steps g ON g.user_id = s.user_id AND g.queue_id = s.queue_id AND g.priority >= s.priority
    GROUP BY s.user_id, s.queue_id, s.priority
  ), held AS MATERIALIZED (
    SELECT c.* FROM fair_share s JOIN change c USING (user_id, queue_id, priority)
    ORDER BY s.user_id, s.queue_id, s.priority FOR UPDATE OF s
  )
  UPDATE fair_share s SET finish = s.finish + h.seconds / s.weight, drift = s.drift + h.seconds / s.weight,
    used = ${fadedUse('s')} + h.measured / s.weight, used_at = now()
  FROM held h WHERE (s.user_id, s.queue_id, s.priority) = (h.user_id, h.queue_id, h.priority)
  RETURNING s.user_id AS "userId", s.queue_id AS "queueId", s.priority,
    abs(s.drift) > h.charged / s.weight
      AND s.placed_at < now() - interval '${PLACING_INTERVAL_SECONDS} seconds' AS "isAstray"`;

/**
 * Corrects the shares of users whose tasks cost something else than was expected, or nothing. Takes the last of
 * a transaction's locks.
 * @returns those whose waiting jobs are more than about a task away from where they should be
 */
export async function correctShares(tx: Transaction, steps: readonly SettledStep[]): Promise<ShareKey[]> {
  const column = <T>(of: (one: SettledStep) => T): T[] => steps.map(of);
  const rows = await tx.query<ShareKey & { isAstray: boolean } & Record<string, unknown>>(correct, [
    column(({ userId }) => userId),
    column(({ queueId }) => queueId),
    column(({ priority }) => priority),
    column(correctionOf),
    column(({ measuredSeconds }) => measuredSeconds),
    column(({ chargedSeconds }) => chargedSeconds),
  ]);
  return rows.filter(({ isAstray }) => isAstray);
}

/** A task that starts. */
export interface Start {
  readonly queueId: string;
  readonly priority: TaskPriority;
  readonly tag: number;
}

const advance = `
  INSERT INTO fair_clock AS c (queue_id, urgent, now)
  SELECT queue_id, urgent, max(now) FROM unnest($1::uuid[], $2::boolean[], $3::float8[]) AS s (queue_id, urgent, now)
  GROUP BY queue_id, urgent ORDER BY queue_id, urgent
  ON CONFLICT (queue_id, urgent) DO UPDATE SET now = greatest(c.now, excluded.now), at = statement_timestamp()`;

/** Takes the queues' virtual time to the last of what starts; for those who claim, who do so one at a time. */
export function advanceTime(tx: Transaction, starts: readonly Start[]): Promise<unknown> {
  return tx.query(advance, [
    starts.map(({ queueId }) => queueId),
    starts.map(({ priority }) => priority === 'URGENT'),
    starts.map(({ tag, priority }) => timeAt(tag, priority)),
  ]);
}
