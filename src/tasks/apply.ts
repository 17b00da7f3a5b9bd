import type { AttemptOutcome, TaskPriority, TaskStatus, Transaction } from '../database/index.ts';
import { type TransitionEvent, transitions } from './lifecycle.ts';
import type { TaskFailure } from './types.ts';

/** One step of a task's life. It is taken only while the task is as the fences say. */
export interface Change {
  readonly taskId: string;
  readonly event: Exclude<TransitionEvent, 'STARTED'>;
  /** Where it leads, if that is not the event's first. */
  readonly to?: TaskStatus;
  /** Fence: the attempt that runs. */
  readonly attempt?: number;
  /** Fence: the job that it has; null for none. */
  readonly onlyWithJob?: string | null;
  /** Of the job that the task has from now on. */
  readonly jobId: string | null;
  /** False gives the try back: it does not count against `maxAttempts`. */
  readonly spendsAttempt?: boolean;
  /** How the running attempt, if there is one, ended. */
  readonly outcome?: AttemptOutcome;
  /** How long the attempt held its slot; left out: until now. */
  readonly gpuMs?: number;
  /** The task's failure. */
  readonly error?: TaskFailure;
  /** The attempt's, where it is another one. */
  readonly attemptError?: TaskFailure;
  readonly result?: unknown;
  /** What the attempt made. */
  readonly artifactIds?: readonly string[];
  /** What its user's share is charged with from now on. */
  readonly chargedSeconds?: number;
}

/** A step that was taken. */
export interface Changed {
  readonly taskId: string;
  readonly userId: string;
  readonly queueId: string;
  readonly from: TaskStatus;
  readonly status: TaskStatus;
  /** Of the attempt that this ended, else the one before. */
  readonly attempt: number;
  /** Who ran the attempt that this ended. */
  readonly workerId: string | null;
  /** When its next attempt may start, where that is not at once. */
  readonly dueInMs?: number;
  readonly priority: TaskPriority;
  /** What its user's share was charged with before. */
  readonly chargedSeconds: number;
  /** How long the attempt that this ended held its slot; 0 where it ended none. */
  readonly measuredSeconds: number;
}

// Everything but the job, which comes before in the lock order: task, attempt, data, event, files, what is left
// on the node, preview and text. Counts come later, when all tasks of the transaction are locked.
const apply = `
  WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::task_event_type[], $3::text[], $4::task_status[], $5::int[], $6::boolean[],
      $7::uuid[], $8::uuid[], $9::boolean[], $10::attempt_outcome[], $11::int[], $12::jsonb[], $13::jsonb[],
      $14::jsonb[], $15::text[], $16::float8[])
    AS w (id, event, allowed, status, attempt, any_job, job_before, job_id, spends, outcome, gpu_ms, error,
      attempt_error, result, artifact_ids, charged_seconds)
  ), step AS MATERIALIZED (
    SELECT w.id, w.event, w.status, w.job_id, w.spends, w.outcome, w.gpu_ms, w.error, w.attempt_error, w.result,
           w.artifact_ids, w.charged_seconds, t.charged_seconds AS charged_before, t.priority, t.user_id, t.queue_id, t.status AS from_status, t.attempt, t.version + 1 AS version
    FROM task t JOIN wanted w ON w.id = t.id
    WHERE t.status = ANY (w.allowed::task_status[])
      AND (w.attempt IS NULL OR t.attempt = w.attempt) AND (w.any_job OR t.job_id IS NOT DISTINCT FROM w.job_before)
    ORDER BY t.id FOR UPDATE OF t
  ), ended AS (
    UPDATE task_attempt a SET outcome = s.outcome, ended_at = now(), error = coalesce(s.attempt_error, s.error),
      gpu_ms = coalesce(s.gpu_ms, (extract(epoch FROM now() - a.started_at) * 1000)::int)
    FROM step s
    WHERE a.task_id = s.id AND a.number = s.attempt AND a.outcome = 'RUNNING' AND s.outcome IS NOT NULL
    RETURNING a.task_id, a.worker_id, a.gpu_ms
  ), changed AS (
    UPDATE task t SET status = s.status, version = s.version, job_id = s.job_id, updated_at = now(),
      attempt_base = CASE WHEN s.event = 'RETRIED' THEN t.attempt
                          WHEN s.spends THEN t.attempt_base ELSE t.attempt_base + 1 END,
      gpu_ms = t.gpu_ms + coalesce(ended.gpu_ms, 0), charged_seconds = coalesce(s.charged_seconds, t.charged_seconds),
      progress = CASE s.status WHEN 'QUEUED' THEN NULL WHEN 'SUCCEEDED' THEN 1 ELSE t.progress END,
      progress_message = CASE WHEN s.status IN ('QUEUED', 'SUCCEEDED') THEN NULL ELSE t.progress_message END,
      node_id = CASE WHEN s.event = 'RETRIED' THEN NULL ELSE t.node_id END,
      started_at = CASE WHEN s.event = 'RETRIED' THEN NULL ELSE t.started_at END,
      finished_at = CASE WHEN s.status IN ('SUCCEEDED', 'FAILED', 'CANCELED') THEN now() END
    FROM step s LEFT JOIN ended ON ended.task_id = s.id WHERE t.id = s.id
  ), data AS (
    UPDATE task_data d SET result = s.result, error = s.error
    FROM step s WHERE d.task_id = s.id AND s.event IN ('SUCCEEDED', 'FAILED', 'RETRYING', 'RETRIED')
  ), event AS (
    INSERT INTO task_event (task_id, version, type, status, attempt, at, error)
    SELECT id, version, event, status, attempt, now(), error FROM step
  ), made AS (
    INSERT INTO task_artifact (task_id, artifact_id, is_output)
    SELECT id, artifact_id, true FROM step, unnest(artifact_ids::uuid[]) AS artifact_id ON CONFLICT DO NOTHING
  ), remote AS (
    DELETE FROM remote_job r USING step s WHERE r.task_id = s.id AND (s.status = 'SUCCEEDED' OR s.event = 'RETRIED'
      OR r.handle IS NULL AND s.status IN ('FAILED', 'CANCELED'))
  ), preview AS (
    DELETE FROM task_preview p USING step s WHERE p.task_id = s.id
  ), written AS (
    DELETE FROM task_text x USING step s WHERE x.task_id = s.id
  )
  SELECT s.id AS "taskId", s.user_id AS "userId", s.queue_id AS "queueId", s.from_status AS "from", s.status,
         s.attempt, ended.worker_id AS "workerId", s.priority, s.charged_before::float8 AS "chargedSeconds",
         (coalesce(ended.gpu_ms, 0) / 1000.0)::float8 AS "measuredSeconds"
  FROM step s LEFT JOIN ended ON ended.task_id = s.id`;

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

/** A PostgreSQL array as text, for an array of arrays of unlike lengths. */
const arrayText = (values: readonly string[]): string => `{${values.join(',')}}`;

/** Takes the steps whose fences hold, each with all that belongs to it but job, counts and shares; answers these. */
export async function applyChanges(tx: Transaction, changes: readonly Change[]): Promise<Changed[]> {
  if (changes.length === 0) return [];
  const column = <T>(of: (change: Change) => T): T[] => changes.map(of);
  return tx.query<Changed & Record<string, unknown>>(apply, [
    column(({ taskId }) => taskId),
    column(({ event }) => event),
    column(({ event }) => arrayText(transitions[event].from)),
    column(({ event, to }) => to ?? transitions[event].to[0]),
    column(({ attempt }) => attempt ?? null),
    column(({ onlyWithJob }) => onlyWithJob === undefined),
    column(({ onlyWithJob }) => onlyWithJob ?? null),
    column(({ jobId }) => jobId),
    column(({ spendsAttempt }) => spendsAttempt ?? true),
    column(({ outcome }) => outcome ?? null),
    column(({ gpuMs }) => (gpuMs === undefined ? null : Math.max(0, Math.round(gpuMs)))),
    column(({ error }) => json(error)),
    column(({ attemptError }) => json(attemptError)),
    column(({ result }) => json(result)),
    column(({ artifactIds }) => arrayText(artifactIds ?? [])),
    column(({ chargedSeconds }) => chargedSeconds ?? null),
  ]);
}
