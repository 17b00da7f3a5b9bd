import type { Database, TaskPriority } from '../../database/index.ts';
import type { Log } from '../../log.ts';
import { lockClaims } from '../claim-lock.ts';
import { SCALE_LOCK, type ShareKey } from './shares.ts';
import { lineStart, placedAnew, tagOf, timeAt } from './tags.ts';

/** Jobs that are moved in one transaction: claims wait for no more. */
const MAX_GROUP = 500;

/** How often a line is placed while others come and go. */
const MAX_TRIES = 3;

/** What was expected when tasks were queued is kept, unless it is off by more than this. */
const TOLERANCE = 1.25;

// Whoever comes second finds it done.
const begin = `
  UPDATE fair_share SET placed_at = now()
  WHERE user_id = $1 AND queue_id = $2 AND priority = $3::task_priority AND placed_at < now() - interval '1 second'
  RETURNING drift`;

// Only then: what could not be placed is astray still.
const end = `
  UPDATE fair_share SET drift = drift - $4 WHERE user_id = $1 AND queue_id = $2 AND priority = $3::task_priority`;

// One statement sees a finish and the very jobs that it is the end of.
const selectWaiting = `
  SELECT j.id, j.priority AS place, t.id AS "taskId", t.priority, t.cost, t.charged_seconds AS seconds, s.weight,
         s.finish
  FROM fair_share s JOIN queue q ON q.id = s.queue_id
  JOIN pgboss.job_common j ON j.name = q.boss_name AND j.state < 'active' AND NOT j.blocked
    AND j.data->>'userId' = s.user_id::text
  JOIN task t ON t.id = (j.data->>'taskId')::uuid AND t.job_id = j.id AND t.priority = s.priority
  WHERE s.user_id = $1 AND s.queue_id = $2 AND s.priority = $3::task_priority
  ORDER BY j.priority DESC, j.created_on`;

interface WaitingRow {
  readonly id: string;
  readonly place: number;
  readonly taskId: string;
  readonly priority: TaskPriority;
  readonly cost: number;
  /** What its user was charged with. */
  readonly seconds: number;
  readonly weight: number;
  readonly finish: number;
}

interface PlacedRow extends WaitingRow {
  readonly to: number;
  /** What its user is charged with from now on. */
  readonly expected: number;
}

interface Placed {
  readonly rows: readonly PlacedRow[];
  /** Where the line begins now. */
  readonly start: number;
  /** By how much it ends later than the share says. */
  readonly forgiven: number;
}

/** Seconds that a task of so many units of work takes. */
type ExpectCost = (cost: number) => number;

const sumOf = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Where the jobs belong, by what their tasks are expected to take by now. */
function placedByNow(
  rows: readonly [WaitingRow, ...WaitingRow[]],
  { expect, rivalPlace }: { readonly expect: ExpectCost; readonly rivalPlace: number | undefined },
): Placed {
  const [{ place, priority, weight, finish }] = rows;
  const charged = sumOf(rows.map(({ seconds }) => seconds));
  const expected = sumOf(rows.map(({ cost }) => expect(cost)));
  const isOff = Math.max(charged, expected) > TOLERANCE * Math.min(charged, expected);
  const jobs = rows.map((row) => {
    const seconds = isOff ? expect(row.cost) : row.seconds;
    return { ...row, expected: seconds, virtualSeconds: seconds / weight };
  });
  const tag = finish - charged / weight;
  const start = lineStart({
    tag,
    head: tagOf(place, priority),
    rival: rivalPlace === undefined ? Number.POSITIVE_INFINITY : tagOf(rivalPlace, priority),
    virtualSeconds: jobs[0]?.virtualSeconds ?? 0,
  });
  const length = sumOf(jobs.map(({ virtualSeconds }) => virtualSeconds));
  return { rows: placedAnew(start + length, jobs), start, forgiven: start - tag };
}

// Not far from the head, unless the user has nearly all that waits.
const selectRival = `
  SELECT j.priority AS place FROM queue q JOIN pgboss.job_common j ON j.name = q.boss_name
  WHERE q.id = $2 AND j.state < 'active' AND NOT j.blocked AND j.start_after <= now()
    AND j.data->>'userId' <> $1 AND (j.data->>'taskPriority' = 'URGENT') = ($3 = 'URGENT')
  ORDER BY j.priority DESC, j.created_on LIMIT 1`;

const forgive = `
  UPDATE fair_share SET finish = finish + $4
  WHERE user_id = $1 AND queue_id = $2 AND priority = $3::task_priority`;

const move = `
  WITH held AS MATERIALIZED (
    SELECT j.name, j.id, m.place FROM unnest($2::uuid[], $3::int[], $4::int[]) AS m (id, before, place)
    JOIN queue q ON q.id = $1 JOIN pgboss.job_common j ON j.name = q.boss_name AND j.id = m.id
    WHERE j.state < 'active' AND j.priority = m.before
    ORDER BY j.id FOR UPDATE OF j
  )
  UPDATE pgboss.job_common j SET priority = held.place FROM held WHERE j.name = held.name AND j.id = held.id`;

const charge = `
  WITH held AS MATERIALIZED (
    SELECT t.id, r.seconds, r.seconds - t.charged_seconds AS more
    FROM unnest($4::uuid[], $5::uuid[], $6::float8[]) AS r (id, job_id, seconds) JOIN task t ON t.id = r.id
    WHERE t.job_id = r.job_id AND t.status = 'QUEUED' ORDER BY t.id FOR UPDATE OF t
  ), charged AS (
    UPDATE task t SET charged_seconds = held.seconds FROM held WHERE t.id = held.id
  ), share AS MATERIALIZED (
    SELECT s.user_id, s.queue_id, s.priority, coalesce((SELECT sum(more) FROM held), 0) / s.weight AS more
    FROM fair_share s WHERE s.user_id = $1 AND s.queue_id = $2 AND s.priority <= $3::task_priority
    ORDER BY s.user_id, s.queue_id, s.priority FOR UPDATE
  )
  UPDATE fair_share s SET finish = s.finish + share.more,
    drift = CASE WHEN s.priority = $3::task_priority THEN s.drift ELSE s.drift + share.more END
  FROM share WHERE (s.user_id, s.queue_id, s.priority) = (share.user_id, share.queue_id, share.priority)`;

// statement_timestamp, not now(): what came while the locks were waited for is due, too.
const selectHead = `
  SELECT j.priority AS place, coalesce(j.data->>'taskPriority', 'NORMAL') AS priority
  FROM queue q JOIN pgboss.job_common j ON j.name = q.boss_name
  WHERE q.id = $1 AND j.state < 'active' AND NOT j.blocked AND j.start_after <= statement_timestamp()
    AND (coalesce(j.data->>'taskPriority', 'NORMAL') = 'URGENT') = $2
  ORDER BY j.priority DESC, j.created_on LIMIT 1`;

const selectTime = 'SELECT now FROM fair_clock WHERE queue_id = $1 AND urgent = $2';

// Nothing need have been started yet.
const setTime = `
  INSERT INTO fair_clock (queue_id, urgent, now, at) VALUES ($1, $2, $3, 'epoch')
  ON CONFLICT (queue_id, urgent) DO UPDATE SET now = excluded.now`;

/** A place tells its tag to a tenth of a second. */
const RESOLUTION_SECONDS = 0.2;

/**
 * Takes the queue's virtual time to the place of its head, which has moved: newcomers would have to wait for
 * what is behind the time, or come before what is ahead of it, by as much as expectations were wrong. Nobody claims
 * or queues meanwhile: a claim takes the time to where it saw its jobs, which may have moved since.
 * @returns false where the time stays before the line that was placed, since others came or all of it went
 * meanwhile; then its share is forgiven only as far as the time came
 */
function setTimeToHead(
  { lanes }: Database,
  { userId, queueId, priority }: ShareKey,
  { start, forgiven }: Placed,
): Promise<boolean> {
  const clock = [queueId, priority === 'URGENT'];
  return lanes.transact(async (tx) => {
    void lockClaims(tx);
    void tx.query(`SELECT pg_advisory_xact_lock(${SCALE_LOCK})`);
    const [[head], [known]] = await Promise.all([
      tx.query<{ place: number; priority: TaskPriority }>(selectHead, clock),
      tx.query<{ now: number }>(selectTime, clock),
    ]);
    // A HIGH one is ahead of the time in any case.
    if (head?.priority === 'HIGH') return true;
    const time = head ? Math.max(0, timeAt(tagOf(head.place, head.priority), head.priority)) : known?.now;
    if (head) void tx.query(setTime, [...clock, time]);
    const tooMuch = Math.min(forgiven, start - (time ?? 0));
    if (priority === 'HIGH' || tooMuch <= RESOLUTION_SECONDS) return true;
    void tx.query(forgive, [userId, queueId, priority, -tooMuch]);
    return false;
  });
}

export interface Places {
  /** Soon gives the waiting jobs of those shares their right places. */
  placeAnew(shares: readonly ShareKey[]): void;
  idle(): Promise<void>;
}

export interface PlacesOptions {
  readonly database: Database;
  /** Tells what tasks of that queue are expected to take. */
  expectIn(queueId: string): Promise<ExpectCost>;
  readonly log: Log;
}

/**
 * Moves waiting jobs to where their users' corrected shares would have put them, and charges for them what is
 * expected by now, where that is something else.
 */
export function createPlaces({ database, expectIn, log }: PlacesOptions): Places {
  let working: Promise<void> = Promise.resolve();

  /** Job, task, share. */
  function write({ userId, queueId, priority }: ShareKey, group: readonly PlacedRow[]): Promise<unknown> {
    const moved = group.filter(({ place, to }) => place !== to);
    const charged = group.filter(({ seconds, expected }) => seconds !== expected);
    const column = <T>(rows: readonly PlacedRow[], of: (row: PlacedRow) => T): T[] => rows.map(of);
    return database.lanes.transact(async (tx) => {
      if (moved.length > 0) {
        void tx.query(move, [
          queueId,
          column(moved, ({ id }) => id),
          column(moved, ({ place }) => place),
          column(moved, ({ to }) => to),
        ]);
      }
      if (charged.length > 0) {
        void tx.query(charge, [
          ...[userId, queueId, priority],
          column(charged, ({ taskId }) => taskId),
          column(charged, ({ id }) => id),
          column(charged, ({ expected }) => expected),
        ]);
      }
    });
  }

  /** @returns false where others came, or went, in between */
  async function placeOnce(share: ShareKey): Promise<boolean> {
    const { pool } = database;
    const key = [share.userId, share.queueId, share.priority];
    const expect = await expectIn(share.queueId);
    const { rows: rivals } = await pool.query<{ place: number }>(selectRival, key);
    const { rows } = await pool.query<WaitingRow>(selectWaiting, key);
    const [first, ...rest] = rows;
    if (!first) return true;
    const placed = placedByNow([first, ...rest], { expect, rivalPlace: rivals[0]?.place });
    await pool.query(forgive, [...key, placed.forgiven]);
    for (let from = 0; from < placed.rows.length; from += MAX_GROUP) {
      await write(share, placed.rows.slice(from, from + MAX_GROUP));
    }
    return setTimeToHead(database, share, placed);
  }

  async function place(share: ShareKey): Promise<void> {
    const { pool } = database;
    const key = [share.userId, share.queueId, share.priority];
    const { rows: begun } = await pool.query<{ drift: number }>(begin, key);
    if (!begun[0]) return;
    for (let tries = 0; tries < MAX_TRIES && !(await placeOnce(share)); tries++);
    await pool.query(end, [...key, begun[0].drift]);
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
