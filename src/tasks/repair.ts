import type { TaskPriority, Transaction } from '../database/index.ts';
import { randomId } from '../ids.ts';
import type { Core } from './core.ts';
import { placeOf } from './fair/index.ts';

const MAX_GROUP = 500;

interface Row {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly userId: string;
  readonly queueId: string;
  readonly cost: number;
  readonly priority: TaskPriority;
  /** Of its queue, now. */
  readonly time: number;
}

// Both change in the same transactions, so that of one snapshot they agree. 40 ms at 100,000 waiting tasks.
const selectSuspects = `
  SELECT q.id FROM queue q
  JOIN (SELECT owner_id, sum(queued) AS queued FROM task_count GROUP BY owner_id) c ON c.owner_id = q.id
  LEFT JOIN (SELECT name, count(*) AS jobs FROM pgboss.job_common WHERE state < 'active' AND NOT blocked GROUP BY name) j
    ON j.name = q.boss_name
  WHERE c.queued > coalesce(j.jobs, 0)`;

// Reads every task: not for every minute.
const selectJobless = `
  SELECT t.id, t.user_id AS "userId", t.queue_id AS "queueId", t.cost, t.priority,
         coalesce((SELECT now FROM fair_clock c WHERE c.queue_id = q.id AND c.urgent = (t.priority = 'URGENT')), 0) AS time
  FROM task t JOIN queue q ON q.id = t.queue_id
  WHERE t.status = 'QUEUED' AND ($1::uuid[] IS NULL OR t.queue_id = ANY ($1)) AND NOT EXISTS (
    SELECT FROM pgboss.job_common j WHERE j.name = q.boss_name AND j.id = t.job_id AND j.state < 'completed')
  ORDER BY t.id LIMIT ${MAX_GROUP} FOR UPDATE OF t SKIP LOCKED`;

const setJobs = `
  UPDATE task t SET job_id = r.job_id FROM unnest($1::uuid[], $2::uuid[]) AS r (id, job_id) WHERE t.id = r.id`;

export function createRepair({ database, queue: boss, carrier, log }: Core) {
  async function repairIn(tx: Transaction, queueIds: readonly string[] | null): Promise<Row[]> {
    const rows = await tx.query<Row>(selectJobless, [queueIds]);
    const jobs = rows.map((row) => ({ ...row, jobId: randomId() }));
    for (const [queueId, group] of Map.groupBy(jobs, (row) => row.queueId)) {
      const queue = await boss.get(queueId);
      const given = group.map(({ id, userId, cost, priority, time, jobId }) => ({
        id: jobId,
        taskId: id,
        userId,
        cost,
        taskPriority: priority,
        // Its place is lost with its job: it is next.
        priority: placeOf(time, priority),
      }));
      const inserted = await boss.insert(tx, queue, given);
      await inserted.answer;
    }
    await tx.query(setJobs, [jobs.map(({ id }) => id), jobs.map(({ jobId }) => jobId)]);
    return rows;
  }

  /** Queues with fewer jobs than tasks that wait. */
  async function suspects(): Promise<string[]> {
    const { rows } = await database.pool.query<{ id: string }>(selectSuspects);
    return rows.map(({ id }) => id);
  }

  /**
   * Gives a job to queued tasks that have none, which nothing in here leaves behind, but somebody who deletes
   * pg-boss's rows might. Answers how many there were.
   * @param where `suspects`: in queues that have fewer jobs than waiting tasks, which is cheap to ask
   */
  return async function repair(where: 'suspects' | 'everywhere'): Promise<number> {
    const queueIds = where === 'suspects' ? await suspects() : null;
    if (queueIds?.length === 0) return 0;
    let repaired = 0;
    for (;;) {
      const rows = await database.lanes.transact((tx) => repairIn(tx, queueIds));
      for (const id of new Set(rows.map(({ queueId }) => queueId))) carrier.announce({ type: 'queue', id });
      if (rows.length > 0) log.warn({ tasks: rows.map(({ id }) => id) }, 'queued tasks had no job');
      repaired += rows.length;
      if (rows.length < MAX_GROUP) return repaired;
    }
  };
}
