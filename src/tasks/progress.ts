import type { Core } from './core.ts';
import { createThrottle } from './throttle.ts';
import type { Lease } from './types.ts';

/** Progress is written at once, and then together at most this often. */
const INTERVAL_MS = 200;

interface Told {
  readonly lease: Lease;
  readonly value: number | null;
  readonly message: string | null;
}

// What is locked is about to end, and needs no progress: nobody is waited for. Rows that refer to the task lock its
// key alone. What says nothing new is no update.
const write = `
  WITH running AS MATERIALIZED (
    SELECT t.id, p.value, p.message
    FROM unnest($1::uuid[], $2::int[], $3::float4[], $4::text[]) AS p (id, attempt, value, message)
    JOIN task t ON t.id = p.id AND t.attempt = p.attempt
    WHERE t.status = 'RUNNING'
      AND (p.value > coalesce(t.progress, -1) OR p.message IS NOT NULL AND p.message IS DISTINCT FROM t.progress_message)
    ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED
  )
  UPDATE task t SET progress = greatest(t.progress, r.value),
    progress_message = coalesce(r.message, t.progress_message), updated_at = now()
  FROM running r WHERE t.id = r.id RETURNING t.id, t.user_id AS "userId"`;

export interface Progress {
  /**
   * Shows how far an attempt is, from 0 to 1, and never less than before; what is no such number is none. Only the
   * latest is written, within a fraction of a second; lost where it cannot be.
   */
  reportProgress(lease: Lease, value: number | null, message?: string | null): void;
  close(): Promise<void>;
}

const isShare = (value: number | null): value is number => value !== null && value >= 0 && value <= 1;

export function createProgress({ database, carrier, log }: Core): Progress {
  const latest = new Map<string, Told>();

  async function flush(): Promise<void> {
    const told = [...latest.values()];
    latest.clear();
    if (told.length === 0) return;
    try {
      const rows = await database.lanes.transact(
        (tx) =>
          tx.query<{ id: string; userId: string }>(write, [
            told.map(({ lease }) => lease.taskId),
            told.map(({ lease }) => lease.attempt),
            told.map(({ value }) => value),
            told.map(({ message }) => message),
          ]),
        { durable: false },
      );
      for (const { id, userId } of rows) carrier.announce({ type: 'task', id, userId });
    } catch (error) {
      log.warn({ err: error, tasks: told.length }, 'progress was lost');
    }
  }

  const isWaiting = (): boolean => latest.size > 0;
  const throttle = createThrottle({ intervalMs: INTERVAL_MS, isWaiting, work: flush });

  return {
    reportProgress(lease, value, message = null) {
      const before = latest.get(lease.taskId);
      const isSame = before?.lease.attempt === lease.attempt;
      latest.set(lease.taskId, {
        lease,
        value: isShare(value) ? value : isSame ? before.value : null,
        message: message ?? (isSame ? before.message : null),
      });
      throttle.wake();
    },
    close: () => throttle.close(),
  };
}
