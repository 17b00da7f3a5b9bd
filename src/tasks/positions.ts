import type { Database } from '../database/index.ts';

// The jobs that are asked for cut each queue's line into pieces; each piece is counted once, and the position
// is the sum of those before it. Not-yet-due jobs are counted where they stand.
const select = `
  WITH asked AS MATERIALIZED (
    SELECT t.id, q.boss_name AS name, j.id AS job_id, j.priority, j.created_on
    FROM task t JOIN queue q ON q.id = t.queue_id
    JOIN pgboss.job_common j ON j.name = q.boss_name AND j.id = t.job_id
    WHERE t.id = ANY ($1::uuid[]) AND t.status = 'QUEUED' AND j.state < 'active'
  ), step AS MATERIALIZED (
    SELECT name, priority, lag(priority) OVER (PARTITION BY name ORDER BY priority DESC) AS above
    FROM asked GROUP BY name, priority
  ), counted AS MATERIALIZED (
    SELECT s.name, s.priority, sum(n.jobs) OVER (PARTITION BY s.name ORDER BY s.priority DESC) AS ahead
    FROM step s CROSS JOIN LATERAL (
      SELECT count(*) AS jobs FROM pgboss.job_common j
      WHERE j.name = s.name AND j.state < 'active' AND NOT j.blocked AND j.priority > s.priority
        AND j.priority <= coalesce(s.above, 2147483647)
    ) n
  )
  SELECT a.id, (1 + c.ahead + (
    SELECT count(*) FROM pgboss.job_common j
    WHERE j.name = a.name AND j.state < 'active' AND NOT j.blocked AND j.priority = a.priority
      AND (j.created_on, j.id) < (a.created_on, a.job_id)
  ))::int AS position
  FROM asked a JOIN counted c USING (name, priority)`;

/** Where these tasks stand in their queues, 1 being next; those that do not wait are left out. */
export async function queuePositions(
  { pool }: Database,
  taskIds: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ id: string; position: number }>(select, [taskIds]);
  return new Map(rows.map(({ id, position }) => [id, position]));
}
