import type { Core } from './core.ts';
import type { Settlement } from './types.ts';

/** Of the running attempts: so many tasks may be tried again at once, and as many more each second. */
const SHARE = 0.2;
const MIN_RETRIES = 3;
const KEY = 'retries';

const HAVE_TRIES_LEFT = `
  SELECT id FROM task WHERE id = ANY ($1::uuid[]) AND attempt - attempt_base < max_attempts`;

// Nothing is saved up in quiet times; what was spent in advance has to flow back first.
const RESERVE = `
  WITH running AS (
    SELECT greatest(${MIN_RETRIES}, ${SHARE} * count(*))::float8 AS budget FROM task_attempt WHERE outcome = 'RUNNING'
  )
  INSERT INTO token_bucket AS b (key, tokens, updated_at)
  SELECT '${KEY}', budget - $1::int, clock_timestamp() FROM running
  ON CONFLICT (key) DO UPDATE SET updated_at = excluded.updated_at, tokens = least(excluded.tokens,
    b.tokens - $1 + (excluded.tokens + $1) * greatest(0, extract(epoch FROM excluded.updated_at - b.updated_at)))
  RETURNING tokens, (SELECT budget FROM running) AS budget`;

/** Whether it is for us to say when another try is due: it adds to what nodes have to bear. */
function mayBeRetry({ end }: Settlement): boolean {
  return end.type === 'failed' && end.spendsAttempt && end.error.retryable && end.retryAfterMs === null;
}

/**
 * Spreads retries over time, over all processes, so that an outage does not multiply the load: those beyond
 * the budget wait for their turn. None is refused, and none costs a try.
 * @returns after how many milliseconds a task may be tried again at the earliest, by task; left out: at once
 */
export async function reserveRetries(
  { database: { pool } }: Core,
  settlements: readonly Settlement[],
): Promise<ReadonlyMap<string, number>> {
  const failed = settlements.filter(mayBeRetry).map(({ lease }) => lease.taskId);
  if (failed.length === 0) return new Map();
  const { rows: retried } = await pool.query<{ id: string }>(HAVE_TRIES_LEFT, [failed]);
  if (retried.length === 0) return new Map();
  const { rows } = await pool.query<{ tokens: number; budget: number }>(RESERVE, [retried.length]);
  const { tokens = 0, budget = MIN_RETRIES } = rows[0] ?? {};
  const debts = retried.map(({ id }, n) => [id, n + 1 - (tokens + retried.length)] as const);
  return new Map(debts.filter(([, debt]) => debt > 0).map(([id, debt]) => [id, (debt / budget) * 1_000]));
}
