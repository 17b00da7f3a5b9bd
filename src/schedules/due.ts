import type { Database } from '../database/index.ts';
import { newId } from '../ids.ts';
import type { Log } from '../log.ts';
import { createCalendar, lastTime } from './calendar.ts';

const MAX_GROUP = 100;

interface DueRow {
  readonly id: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly nextAt: Date;
  readonly now: Date;
}

const selectDue = `
  SELECT id, cron, time_zone AS "timeZone", next_at AS "nextAt", now() AS now FROM schedule
  WHERE next_at <= now() ORDER BY next_at LIMIT ${MAX_GROUP}`;

// Whoever moves a schedule on from the time that was read makes the run of it: nobody else can.
const begin = `
  WITH moved AS (
    UPDATE schedule s SET next_at = u.next_at
    FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::uuid[])
      AS u (id, due, at, next_at, task_id)
    WHERE s.id = u.id AND s.next_at = u.due
    RETURNING s.id, u.due, u.at, u.task_id
  )
  INSERT INTO schedule_run (task_id, schedule_id, at, missed_since)
  SELECT task_id, id, at, CASE WHEN due < at THEN due END FROM moved
  ON CONFLICT (schedule_id, at) DO NOTHING`;

interface Step {
  readonly id: string;
  readonly due: Date;
  /** Of the run: what was missed before is made up for by it. */
  readonly at: Date;
  readonly next: Date | null;
}

function stepOf({ id, cron, timeZone, nextAt, now }: DueRow): Step {
  const calendar = createCalendar(cron, timeZone);
  const at = lastTime(calendar, nextAt.getTime(), now.getTime());
  const next = calendar.next(at);
  return { id, due: nextAt, at: new Date(at), next: next === null ? null : new Date(next) };
}

/**
 * Begins a run of every schedule whose time has come, and moves the schedule on, in one statement. Of several
 * times that have passed, only the latest gets a run.
 * @returns whether there may be more
 */
export async function beginRuns({ pool }: Database, log: Log): Promise<boolean> {
  const { rows } = await pool.query<DueRow>(selectDue);
  const steps = rows.flatMap((row) => {
    try {
      return [stepOf(row)];
    } catch (error) {
      // It was checked when it was made; the others must not wait for it all the same.
      log.error({ err: error, scheduleId: row.id }, 'a schedule cannot be read');
      return [];
    }
  });
  if (steps.length === 0) return false;
  const column = <T>(of: (step: Step) => T): T[] => steps.map(of);
  await pool.query(begin, [
    column(({ id }) => id),
    column(({ due }) => due),
    column(({ at }) => at),
    column(({ next }) => next),
    column(() => newId()),
  ]);
  return rows.length === MAX_GROUP;
}
