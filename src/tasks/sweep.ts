import type { Transaction } from '../database/index.ts';
import { kindOf } from '../kinds/index.ts';
import { findProtocol } from '../nodes/protocols/index.ts';
import type { Changed } from './change.ts';
import { announceChanged, type Core } from './core.ts';
import { endAttempts } from './end-attempts.ts';
import { workerLost } from './failures.ts';
import type { AttemptEnd } from './types.ts';

const MAX_GROUP = 500;

/** A worker that lives settles an attempt soon after its timeout, or has forgotten it. */
const GRACE_MS = 60_000;

/** For a node that can be asked to stop: long enough for that, however long the work was expected to take. */
const ASKING_SECONDS = 3;

// Whoever renews at this moment has the row locked, and is not lost.
const lockLostWorkers = `
  SELECT id FROM worker WHERE lease_until < now() ORDER BY id FOR UPDATE SKIP LOCKED`;

const isLost = (alias: string): string => `(${alias}.worker_id = ANY ($1::uuid[])
    OR NOT EXISTS (SELECT FROM worker w WHERE w.id = ${alias}.worker_id))`;

interface SlotRow {
  readonly [column: string]: unknown;
  readonly nodeId: string;
  readonly slotNo: number;
  readonly protocol: string;
  /** Null where its task has been deleted. */
  readonly kind: string | null;
  readonly cost: number | null;
  readonly timeoutMs: number | null;
  /** Measured, the slowest tenth left out; null before there are samples. */
  readonly secondsPerUnit: number | null;
  readonly heldSeconds: number;
  /** The job that the task has there is resumed by its next attempt. */
  readonly isResumed: boolean;
}

const lockSlots = `
  SELECT s.node_id AS "nodeId", s.slot_no AS "slotNo", n.protocol, t.kind, t.cost, t.timeout_ms AS "timeoutMs",
         e.p90 AS "secondsPerUnit", extract(epoch FROM now() - s.leased_at)::float8 AS "heldSeconds",
         EXISTS (SELECT FROM remote_job r WHERE r.task_id = s.task_id AND r.node_id = s.node_id
                   AND r.handle IS NOT NULL AND t.status IN ('QUEUED', 'RUNNING')) AS "isResumed"
  FROM slot s JOIN gpu_node n ON n.id = s.node_id LEFT JOIN task t ON t.id = s.task_id
  LEFT JOIN LATERAL (
    SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90
    FROM run_estimate r, unnest(r.recent) AS seconds
    WHERE r.node_id = s.node_id AND r.kind = t.kind AND r.model = t.model
  ) e ON true
  WHERE s.task_id IS NOT NULL AND (${isLost('s')}
    OR greatest(s.held_until, s.leased_at + coalesce(t.timeout_ms, 0) * interval '1 ms') + $2 * interval '1 ms' < now())
  ORDER BY s.node_id, s.slot_no FOR UPDATE OF s SKIP LOCKED`;

interface AttemptRow {
  readonly [column: string]: unknown;
  readonly taskId: string;
  readonly attempt: number;
  readonly queueId: string;
  readonly jobId: string;
}

const selectAttempts = `
  SELECT a.task_id AS "taskId", a.number AS attempt, t.queue_id AS "queueId", t.job_id AS "jobId"
  FROM task_attempt a JOIN task t ON t.id = a.task_id
  WHERE a.outcome = 'RUNNING' AND t.job_id IS NOT NULL
    AND (${isLost('a')} OR a.started_at + (t.timeout_ms + $2) * interval '1 ms' < now())
  ORDER BY a.task_id LIMIT ${MAX_GROUP}`;

// Once its job is locked, nobody else ends an attempt.
const selectRunning = `
  SELECT a.task_id AS "taskId", a.number AS attempt
  FROM unnest($1::uuid[], $2::int[]) AS l (task_id, number) JOIN task_attempt a USING (task_id, number)
  WHERE a.outcome = 'RUNNING'`;

const freeSlots = `
  UPDATE slot s SET task_id = NULL, attempt = NULL, worker_id = NULL,
    held_until = CASE WHEN f.hold > 0 THEN now() + f.hold * interval '1 second' END
  FROM unnest($1::uuid[], $2::int[], $3::float8[]) AS f (node_id, slot_no, hold)
  WHERE s.node_id = f.node_id AND s.slot_no = f.slot_no`;

/**
 * Seconds for which the slot of a lost worker is left alone, since its node may still be at work, unless it says
 * that it stopped: 0 where it does when the connection closes, or the next attempt takes up its job; else what was
 * expected of the attempt, and never beyond its timeout, but for a moment to ask.
 */
function holdSeconds(slot: SlotRow): number {
  // A protocol that this version does not know is taken for one that cannot stop.
  const protocol = findProtocol(slot.protocol);
  if (protocol?.stop === 'disconnect' || slot.isResumed) return 0;
  const least = protocol?.cancel ? ASKING_SECONDS : 0;
  if (slot.kind === null || slot.cost === null || slot.timeoutMs === null) return least;
  const expected = slot.cost * (slot.secondsPerUnit ?? kindOf(slot.kind).secondsPerUnit);
  return Math.max(least, Math.min(expected, slot.timeoutMs / 1000) - slot.heldSeconds);
}

const lostEnd = (attempt: number): AttemptEnd => ({
  type: 'failed',
  outcome: 'WORKER_LOST',
  error: workerLost(attempt),
  spendsAttempt: true,
  retryAfterMs: 0,
});

interface Swept {
  readonly changed: readonly Changed[];
  readonly slots: number;
}

export function createSweep(core: Core) {
  const { database, queue: boss, carrier, log } = core;

  /** Ends the lost attempts whose jobs nobody has locked: the others are being settled, or found by the next sweep. */
  async function endLost(tx: Transaction, rows: readonly AttemptRow[]): Promise<Changed[]> {
    const lost = await Promise.all(rows.map(async (row) => ({ ...row, queue: await boss.get(row.queueId) })));
    const keys = lost.map(({ queue, jobId }) => ({ queue, id: jobId }));
    const jobs = new Map((await boss.lock(tx, keys)).map((job) => [job.id, job]));
    const running = await tx.query<{ taskId: string; attempt: number }>(selectRunning, [
      rows.map(({ taskId }) => taskId),
      rows.map(({ attempt }) => attempt),
    ]);
    const stillRuns = new Set(running.map(({ taskId, attempt }) => `${taskId} ${attempt}`));
    const ended = lost.flatMap(({ taskId, attempt, queue, jobId }) => {
      const job = jobs.get(jobId);
      if (!job || !stillRuns.has(`${taskId} ${attempt}`)) return [];
      return [{ taskId, attempt, queue, job, end: lostEnd(attempt) }];
    });
    return endAttempts(core, tx, ended);
  }

  /** In the lock order: slot, job, task. */
  async function sweepIn(tx: Transaction): Promise<Swept> {
    const lost = (await tx.query<{ id: string }>(lockLostWorkers)).map(({ id }) => id);
    const [slots, attempts] = await Promise.all([
      tx.query<SlotRow>(lockSlots, [lost, GRACE_MS]),
      tx.query<AttemptRow>(selectAttempts, [lost, GRACE_MS]),
    ]);
    const changed = await endLost(tx, attempts);
    if (slots.length > 0) {
      void tx.query(freeSlots, [
        slots.map(({ nodeId }) => nodeId),
        slots.map(({ slotNo }) => slotNo),
        slots.map(holdSeconds),
      ]);
    }
    // What is left of theirs is found all the same: its worker is unknown then.
    await tx.query('DELETE FROM worker WHERE id = ANY ($1::uuid[])', [lost]);
    return { changed, slots: slots.length };
  }

  /** Takes what lost workers held: their attempts end, their tasks go back or fail. Answers how many attempts. */
  return async function sweep(): Promise<number> {
    let total = 0;
    for (;;) {
      const { changed, slots } = await database.lanes.transact(sweepIn);
      announceChanged(core, changed);
      if (slots > 0) carrier.announce({ type: 'slots' });
      if (changed.length > 0) log.warn({ attempts: changed.length, slots }, 'lost workers swept');
      total += changed.length;
      if (changed.length < MAX_GROUP) return total;
    }
  };
}
