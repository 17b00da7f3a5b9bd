import type { Database, ScheduleRun, Task } from '../database/index.ts';

/** Which of a schedule's tasks are asked for, newest first. */
export interface HistoryRequest {
  readonly scheduleId: string;
  /** Only tasks whose ids are below it. */
  readonly before: string | null;
  readonly take: number;
}

/** By what {@link tasksOf} answers a request: the same for equal ones. */
export const historyKey = ({ scheduleId, before, take }: HistoryRequest): string =>
  `${scheduleId} ${before} ${take}`;

const selectTasks = `
  SELECT a.n::int AS n, r.task_id AS "taskId"
  FROM unnest($1::uuid[], $2::uuid[], $3::int[]) WITH ORDINALITY AS a (schedule_id, before, take, n)
  CROSS JOIN LATERAL (
    SELECT r.task_id FROM schedule_run r JOIN task t ON t.id = r.task_id
    WHERE r.schedule_id = a.schedule_id AND (a.before IS NULL OR r.task_id < a.before)
    ORDER BY r.task_id DESC LIMIT a.take
  ) r
  ORDER BY n, r.task_id DESC`;

/** What ran, for many requests at once; by {@link historyKey}. */
export async function tasksOf(
  { pool, prisma }: Database,
  asked: readonly HistoryRequest[],
): Promise<Map<string, Task[]>> {
  const { rows } = await pool.query<{ n: number; taskId: string }>(selectTasks, [
    asked.map(({ scheduleId }) => scheduleId),
    asked.map(({ before }) => before),
    asked.map(({ take }) => take),
  ]);
  const tasks = await prisma.task.findMany({ where: { id: { in: rows.map(({ taskId }) => taskId) } } });
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const found = Map.groupBy(rows, ({ n }) => n);
  return new Map(
    asked.map((request, index) => [
      historyKey(request),
      (found.get(index + 1) ?? []).flatMap(({ taskId }) => byId.get(taskId) ?? []),
    ]),
  );
}

const selectRuns = `
  SELECT r.* FROM unnest($1::uuid[]) AS a (schedule_id) CROSS JOIN LATERAL (
    SELECT task_id AS "taskId", schedule_id AS "scheduleId", at, missed_since AS "missedSince", due_at AS "dueAt", error
    FROM schedule_run WHERE schedule_id = a.schedule_id ORDER BY at DESC LIMIT $2
  ) r`;

/** The latest runs of each schedule, the last one first. */
export async function runsOf(
  { pool }: Database,
  scheduleIds: readonly string[],
  take: number,
): Promise<Map<string, ScheduleRun[]>> {
  const { rows } = await pool.query<ScheduleRun>(selectRuns, [scheduleIds, take]);
  return Map.groupBy(rows, ({ scheduleId }) => scheduleId);
}

const forget = `
  DELETE FROM schedule_run WHERE due_at IS NULL AND at < now() - make_interval(days => $1)`;

/** Forgets what ran longer ago than tasks are kept. Answers how many. */
export async function forgetOldRuns({ pool }: Database, retentionDays: number): Promise<number> {
  return (await pool.query(forget, [retentionDays])).rowCount ?? 0;
}
