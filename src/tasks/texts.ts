import type { Core } from './core.ts';
import { createThrottle } from './throttle.ts';
import type { Lease } from './types.ts';

/** What was written is shown at once, and then together at most this often. */
const INTERVAL_MS = 150;
/** What is shown of a text; the result has all of it. */
const MAX_CHARACTERS = 64 * 1024;
/** Each time the whole text is written, so that long ones are written less often. */
const CHARACTERS_PER_MS = 64;

/** Texts as they grow. */
export interface Texts {
  /**
   * Adds a piece to what a running attempt has written so far, and shows it within a fraction of a second; lost
   * where it cannot be written.
   */
  writeText(lease: Lease, piece: string): void;
  /** Nothing more comes. */
  endText(lease: Lease): void;
  /** What those of the tasks that run have written so far. */
  texts(taskIds: readonly string[]): Promise<Map<string, string>>;
}

interface Growing {
  readonly lease: Lease;
  text: string;
  isShown: boolean;
  /** Monotonic: not before. */
  dueAt: number;
}

// What is locked is about to end, and its text with it: nobody is waited for.
const write = `
  WITH running AS MATERIALIZED (
    SELECT t.id, p.attempt, p.text
    FROM unnest($1::uuid[], $2::int[], $3::text[]) AS p (id, attempt, text)
    JOIN task t ON t.id = p.id AND t.attempt = p.attempt
    WHERE t.status = 'RUNNING' ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED
  ), shown AS (
    INSERT INTO task_text (task_id, attempt, text) SELECT id, attempt, text FROM running
    ON CONFLICT (task_id) DO UPDATE SET attempt = excluded.attempt, text = excluded.text
  )
  UPDATE task t SET updated_at = now() FROM running r WHERE t.id = r.id RETURNING t.id, t.user_id AS "userId"`;

const select = `
  SELECT x.task_id AS "taskId", x.text
  FROM task_text x JOIN task t ON t.id = x.task_id AND t.attempt = x.attempt
  WHERE x.task_id = ANY ($1::uuid[]) AND t.status = 'RUNNING'`;

export function createTexts({ database, carrier, log }: Core): Texts & { close(): Promise<void> } {
  const growing = new Map<string, Growing>();

  const isWaiting = (): boolean => [...growing.values()].some(({ isShown }) => !isShown);

  function takeDue(): Growing[] {
    const now = performance.now();
    const due = [...growing.values()].filter(({ isShown, dueAt }) => !isShown && dueAt <= now);
    for (const one of due) {
      one.isShown = true;
      one.dueAt = now + one.text.length / CHARACTERS_PER_MS;
    }
    return due;
  }

  async function flush(): Promise<void> {
    const due = takeDue();
    if (due.length === 0) return;
    try {
      const rows = await database.lanes.transact(
        (tx) =>
          tx.query<{ id: string; userId: string }>(write, [
            due.map(({ lease }) => lease.taskId),
            due.map(({ lease }) => lease.attempt),
            // The cut may go through a pair of surrogates.
            due.map(({ text }) => text.toWellFormed()),
          ]),
        { durable: false },
      );
      for (const { id, userId } of rows) carrier.announce({ type: 'task', id, userId });
    } catch (error) {
      log.warn({ err: error, tasks: due.length }, 'growing texts were not shown');
    }
  }

  const throttle = createThrottle({ intervalMs: INTERVAL_MS, isWaiting, work: flush });

  return {
    writeText(lease, piece) {
      const before = growing.get(lease.taskId);
      const one =
        before?.lease.attempt === lease.attempt ? before : { lease, text: '', isShown: true, dueAt: 0 };
      // A late voice of an attempt that is over.
      if (before && before.lease.attempt > lease.attempt) return;
      growing.set(lease.taskId, one);
      if (one.text.length >= MAX_CHARACTERS) return;
      one.text = (one.text + piece).slice(0, MAX_CHARACTERS);
      one.isShown = false;
      throttle.wake();
    },
    endText({ taskId, attempt }) {
      if (growing.get(taskId)?.lease.attempt === attempt) growing.delete(taskId);
    },
    async texts(taskIds) {
      const { rows } = await database.pool.query<{ taskId: string; text: string }>(select, [taskIds]);
      return new Map(rows.map(({ taskId, text }) => [taskId, text]));
    },
    close() {
      growing.clear();
      return throttle.close();
    },
  };
}
