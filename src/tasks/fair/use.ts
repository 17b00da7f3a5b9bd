import type { Transaction } from '../../database/index.ts';
import { fadedUse } from './shares.ts';
import type { UserLoad } from './turns.ts';

/** What turns between queues are judged by. */
export interface Turns {
  readonly loads: ReadonlyMap<string, UserLoad>;
  /** When a queue was last served, in milliseconds of the database's clock. */
  readonly servedAt: ReadonlyMap<string, number>;
}

// What they have had lately by measure, and what they have now by expectation.
const selectLoads = `
  SELECT u.id AS "userId", coalesce(s.weight, 1)::float8 AS weight,
         (coalesce(s.used, 0) + coalesce(r.seconds, 0) / coalesce(s.weight, 1))::float8 AS seconds
  FROM unnest($1::uuid[]) AS u (id)
  LEFT JOIN LATERAL (
    SELECT sum(${fadedUse('f')}) AS used, max(f.weight) AS weight FROM fair_share f WHERE f.user_id = u.id
  ) s ON true
  LEFT JOIN (
    SELECT t.user_id, sum(t.charged_seconds) AS seconds
    FROM task_attempt a JOIN task t ON t.id = a.task_id WHERE a.outcome = 'RUNNING' GROUP BY t.user_id
  ) r ON r.user_id = u.id`;

const selectServed = `
  SELECT queue_id AS "queueId", (extract(epoch FROM max(at)) * 1000)::float8 AS at
  FROM fair_clock WHERE queue_id = ANY ($1::uuid[]) GROUP BY queue_id`;

type LoadRow = UserLoad & { readonly userId: string } & Record<string, unknown>;

export async function readTurns(
  tx: Pick<Transaction, 'query'>,
  { queueIds, userIds }: { readonly queueIds: readonly string[]; readonly userIds: readonly string[] },
): Promise<Turns> {
  const [loads, served] = await Promise.all([
    tx.query<LoadRow>(selectLoads, [userIds]),
    tx.query<{ queueId: string; at: number }>(selectServed, [queueIds]),
  ]);
  return {
    loads: new Map(loads.map(({ userId, seconds, weight }) => [userId, { seconds, weight }])),
    servedAt: new Map(served.map(({ queueId, at }) => [queueId, at])),
  };
}
