import { expect } from 'vitest';
import type { Database } from '../../src/database/index.ts';

const liveJobs = `SELECT id, data->>'taskId' AS task_id, state FROM pgboss.job_common WHERE state < 'completed'`;

/** What must never be found in a database that nobody writes to at this moment: each query answers the culprits. */
const violations: Readonly<Record<string, string>> = {
  'the events of a task are not numbered 1, 2, 3 … up to its version': `
    SELECT t.id FROM task t LEFT JOIN task_event e ON e.task_id = t.id GROUP BY t.id
    HAVING count(e.version) <> t.version OR min(e.version) <> 1 OR max(e.version) <> t.version`,
  'the events of a generation are not numbered 1, 2, 3 … up to its version': `
    SELECT g.id FROM generation g LEFT JOIN generation_event e ON e.generation_id = g.id GROUP BY g.id
    HAVING count(e.version) <> g.version OR min(e.version) <> 1 OR max(e.version) <> g.version`,
  'the last update of a generation does not tell its state': `
    SELECT id FROM generation g WHERE (status::text, phase::text) <> (
      SELECT e.data->>'status', e.data->>'phase' FROM generation_event e
      WHERE e.generation_id = g.id AND type = 'GenerationUpdated' ORDER BY version DESC LIMIT 1)`,
  'a beginning or a success was told twice of a picture': `
    SELECT generation_id FROM generation_event WHERE type IN ('ImageGenerating', 'ImageCompleted')
    GROUP BY generation_id, type, data->>'index' HAVING count(*) > 1`,
  'a generation is completed without a model': `
    SELECT id FROM generation g WHERE status = 'COMPLETED' AND NOT EXISTS (
      SELECT FROM generation_task p JOIN task t ON t.id = p.task_id
      WHERE p.generation_id = g.id AND p.role = 'MODEL' AND p.status = 'COMPLETED' AND t.status = 'SUCCEEDED')`,
  'the last event of a task does not tell its status': `
    SELECT t.id FROM task t JOIN task_event e ON e.task_id = t.id AND e.version = t.version
    WHERE e.status <> t.status OR e.attempt <> t.attempt`,
  'an event that does not follow from the one before': `
    SELECT task_id FROM (SELECT *, lag(status) OVER (PARTITION BY task_id ORDER BY version) AS before FROM task_event) e
    WHERE (type = 'SUBMITTED') <> (before IS NULL)
      OR (type = 'RELEASED' AND before NOT IN ('SCHEDULED', 'BLOCKED')) OR (type = 'STARTED' AND before <> 'QUEUED')
      OR (type IN ('RETRYING', 'SUCCEEDED') AND before <> 'RUNNING')
      OR (type IN ('FAILED', 'CANCELED') AND before NOT IN ('SCHEDULED', 'BLOCKED', 'QUEUED', 'RUNNING'))
      OR (type = 'RETRIED' AND before NOT IN ('FAILED', 'CANCELED'))`,
  'a queued task without a job that waits': `
    SELECT t.id FROM task t LEFT JOIN (${liveJobs}) j ON j.id = t.job_id AND j.task_id = t.id::text
    WHERE t.status = 'QUEUED' AND (j.state IS NULL OR j.state = 'active')`,
  'a running task without an active job': `
    SELECT t.id FROM task t LEFT JOIN (${liveJobs}) j ON j.id = t.job_id AND j.task_id = t.id::text
    WHERE t.status = 'RUNNING' AND j.state IS DISTINCT FROM 'active'`,
  'a task that neither waits nor runs has a job': `
    SELECT id FROM task WHERE status NOT IN ('QUEUED', 'RUNNING') AND job_id IS NOT NULL`,
  'a job that no task waits for': `
    SELECT j.id FROM (${liveJobs}) j LEFT JOIN task t ON t.id = j.task_id::uuid AND t.job_id = j.id WHERE t.id IS NULL`,
  'a task runs and its attempt does not, or the other way round': `
    SELECT t.id FROM task t FULL JOIN (SELECT * FROM task_attempt WHERE outcome = 'RUNNING') a
      ON a.task_id = t.id AND a.number = t.attempt
    WHERE (t.status = 'RUNNING') IS DISTINCT FROM (a.task_id IS NOT NULL) AND NOT (t.status <> 'RUNNING' AND a.task_id IS NULL)`,
  'the attempts of a task are not numbered 1, 2, 3 …': `
    SELECT t.id FROM task t LEFT JOIN task_attempt a ON a.task_id = t.id GROUP BY t.id
    HAVING count(a.number) <> t.attempt OR coalesce(max(a.number), 0) <> t.attempt`,
  'a task has spent more tries than it may': `
    SELECT id FROM task WHERE attempt - attempt_base NOT BETWEEN 0 AND max_attempts`,
  'the seconds of a task are not those of its attempts': `
    SELECT t.id FROM task t LEFT JOIN task_attempt a ON a.task_id = t.id GROUP BY t.id
    HAVING t.gpu_ms <> coalesce(sum(a.gpu_ms), 0)`,
  'an attempt has ended without a time, or runs with one': `
    SELECT task_id FROM task_attempt WHERE (outcome = 'RUNNING') <> (ended_at IS NULL)`,
  'a slot is taken by what it was not leased to': `
    SELECT s.node_id FROM slot s LEFT JOIN task t ON t.id = s.task_id
      LEFT JOIN task_attempt a ON (a.task_id, a.number, a.node_id, a.slot_no, a.epoch, a.worker_id)
        = (s.task_id, s.attempt, s.node_id, s.slot_no, s.epoch, s.worker_id)
    WHERE s.task_id IS NOT NULL AND t.id IS NOT NULL AND a.task_id IS NULL`,
  'a job is kept that no node can be asked to stop, of a task that has ended, or of an attempt that was not made': `
    SELECT r.task_id FROM remote_job r JOIN task t ON t.id = r.task_id
    WHERE t.status = 'SUCCEEDED' OR t.status IN ('FAILED', 'CANCELED') AND r.handle IS NULL OR r.attempt > t.attempt`,
  'a task has no data, or a result that is not its own': `
    SELECT t.id FROM task t LEFT JOIN task_data d ON d.task_id = t.id
    WHERE d.task_id IS NULL OR (t.status = 'SUCCEEDED') <> (d.result IS NOT NULL)
      OR (t.status = 'FAILED' AND d.error IS NULL) OR (t.status = 'SUCCEEDED' AND d.error IS NOT NULL)`,
  'a task has ended without a time, or lives with one': `
    SELECT id FROM task WHERE (status IN ('SUCCEEDED', 'FAILED', 'CANCELED')) <> (finished_at IS NOT NULL)`,
  'a task waits for others that have all succeeded, or for one that will not': `
    SELECT c.id FROM task c LEFT JOIN task_dependency d ON d.child_id = c.id LEFT JOIN task p ON p.id = d.parent_id
    WHERE c.status = 'BLOCKED' GROUP BY c.id
    HAVING bool_and(p.status IS NULL OR p.status = 'SUCCEEDED') OR bool_or(p.status IN ('FAILED', 'CANCELED'))`,
  'a task has started before the tasks that it depends on had succeeded': `
    SELECT c.id FROM task c JOIN task_dependency d ON d.child_id = c.id JOIN task p ON p.id = d.parent_id
    WHERE (c.status IN ('SCHEDULED', 'QUEUED', 'RUNNING', 'SUCCEEDED') OR c.attempt > 0) AND p.status <> 'SUCCEEDED'`,
  'a task depends on one that came later': 'SELECT child_id FROM task_dependency WHERE parent_id >= child_id',
  'what a user has stored is not counted as it is': `
    SELECT user_id FROM user_storage FULL JOIN (
      SELECT user_id, sum(size_bytes) AS there FROM (
        SELECT user_id, size_bytes FROM artifact UNION ALL SELECT user_id, size_bytes FROM upload
      ) stored GROUP BY user_id
    ) s USING (user_id) WHERE coalesce(bytes, 0) <> coalesce(there, 0)`,
  'a count is not what is there': `
    SELECT coalesce(c.owner_id, r.owner_id) FROM (
      SELECT owner_id, sum(queued) AS queued, sum(running) AS running, sum(scheduled) AS scheduled
      FROM task_count GROUP BY owner_id
    ) c FULL JOIN (
      SELECT owner_id, count(*) FILTER (WHERE status = 'QUEUED') AS queued,
        count(*) FILTER (WHERE status = 'RUNNING') AS running,
        count(*) FILTER (WHERE status IN ('SCHEDULED', 'BLOCKED')) AS scheduled
      FROM task, LATERAL (VALUES (user_id), (queue_id)) AS o (owner_id) GROUP BY owner_id
    ) r USING (owner_id)
    WHERE (coalesce(c.queued, 0), coalesce(c.running, 0), coalesce(c.scheduled, 0))
      IS DISTINCT FROM (coalesce(r.queued, 0), coalesce(r.running, 0), coalesce(r.scheduled, 0))`,
};

/** What must be left when every task has ended and every worker has given back what it had. */
const leftovers: Readonly<Record<string, string>> = {
  'a task has not ended': `SELECT id FROM task WHERE status IN ('SCHEDULED', 'BLOCKED', 'QUEUED', 'RUNNING')`,
  'a slot is taken': 'SELECT node_id FROM slot WHERE task_id IS NOT NULL',
  'a job is left': liveJobs,
};

async function expectNone({ pool }: Database, queries: Readonly<Record<string, string>>): Promise<void> {
  const found: Record<string, unknown[]> = {};
  for (const [what, query] of Object.entries(queries)) {
    const { rows } = await pool.query(`${query} LIMIT 5`);
    if (rows.length > 0) found[what] = rows;
  }
  expect(found).toEqual({});
}

export function expectInvariants(database: Database): Promise<void> {
  return expectNone(database, violations);
}

/** All invariants, and nothing left to do. */
export function expectAllDone(database: Database): Promise<void> {
  return expectNone(database, { ...violations, ...leftovers });
}
