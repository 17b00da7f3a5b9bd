import type pg from 'pg';
import type { TaskPriority, TaskStatus } from '../../database/index.ts';
import { kindOf } from '../../kinds/index.ts';
import type { Run } from './running.ts';

/** A task, as far as its forecast depends on it. Times are milliseconds of the database's clock. */
export interface Facts {
  readonly id: string;
  readonly status: TaskStatus;
  readonly userId: string;
  readonly queue: Queue;
  readonly priority: TaskPriority;
  readonly cost: number;
  /** When it was asked to start; null: at once. */
  readonly startAt: number | null;
  readonly job: { readonly id: string; readonly queuedAt: number; readonly dueAt: number } | null;
  /** Of the attempt that runs; `run` is null once its node has answered. */
  readonly attempt: { readonly nodeId: string; readonly startedAt: number; readonly run: Run | null } | null;
}

export interface Queue {
  readonly id: string;
  readonly kind: string;
  readonly model: string;
  readonly secondsPerUnit: number;
}

const ms = (time: string): string => `(extract(epoch FROM ${time}) * 1000)::float8`;

const select = `
  SELECT t.id, t.status, t.user_id AS "userId", t.queue_id AS "queueId", t.kind, t.model, t.priority,
    t.cost::float8 AS cost, t.progress, ${ms('t.start_at')} AS "startAt",
    j.id AS "jobId", ${ms('j.created_on')} AS "queuedAt", ${ms('j.start_after')} AS "dueAt",
    a.node_id AS "nodeId", ${ms('a.started_at')} AS "startedAt",
    extract(epoch FROM now() - s.leased_at)::float8 AS elapsed,
    extract(epoch FROM s.held_until - s.leased_at)::float8 AS expected
  FROM task t JOIN queue q ON q.id = t.queue_id
  LEFT JOIN pgboss.job_common j ON j.name = q.boss_name AND j.id = t.job_id AND t.status = 'QUEUED'
  LEFT JOIN task_attempt a ON a.task_id = t.id AND a.number = t.attempt AND a.outcome = 'RUNNING'
  LEFT JOIN slot s ON s.node_id = a.node_id AND s.slot_no = a.slot_no AND s.task_id = t.id
  WHERE t.id = ANY ($1::uuid[]) AND t.status IN ('SCHEDULED', 'BLOCKED', 'QUEUED', 'RUNNING')`;

interface Row extends Omit<Facts, 'queue' | 'job' | 'attempt'> {
  readonly queueId: string;
  readonly kind: string;
  readonly model: string;
  readonly progress: number | null;
  readonly jobId: string | null;
  readonly queuedAt: number | null;
  readonly dueAt: number | null;
  readonly nodeId: string | null;
  readonly startedAt: number | null;
  readonly elapsed: number | null;
  readonly expected: number | null;
}

function toFacts(row: Row): Facts {
  const { id, status, userId, queueId, kind, model, priority, cost, startAt } = row;
  const { elapsed, expected, progress } = row;
  const run =
    elapsed === null || expected === null
      ? null
      : { elapsedSeconds: elapsed, expectedSeconds: expected, cost, progress };
  return {
    ...{ id, status, userId, priority, cost, startAt },
    queue: { id: queueId, kind, model, secondsPerUnit: kindOf(kind).secondsPerUnit },
    job: row.jobId === null ? null : { id: row.jobId, queuedAt: row.queuedAt ?? 0, dueAt: row.dueAt ?? 0 },
    attempt: row.nodeId === null ? null : { nodeId: row.nodeId, startedAt: row.startedAt ?? 0, run },
  };
}

/** Of those of the tasks that wait or run. */
export async function readFacts(pool: pg.Pool, taskIds: readonly string[]): Promise<Facts[]> {
  const { rows } = await pool.query<Row>({ name: 'forecast-facts', text: select, values: [taskIds] });
  return rows.map(toFacts);
}
