import { createBatcher } from '../database/index.ts';
import type { Core } from './core.ts';
import type { SettledStep } from './fair/index.ts';
import type { Lease } from './types.ts';

const MAX_GROUP = 200;

/** How an attempt left its slot. */
export interface SlotEnd {
  /** Milliseconds that it held it. */
  readonly gpuMs: number;
  /** How long the slot is left alone, since its node is full or may still be at work. */
  readonly coolDownMs?: number;
}

interface FreedSlot extends SlotEnd {
  readonly lease: Lease;
}

// An attempt that ended before its slot was free (canceled, or taken for lost) has been charged only until then.
const free = `
  WITH freed AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::uuid[], $5::int[], $6::int[], $7::float8[])
    AS f (node_id, slot_no, epoch, task_id, attempt, gpu_ms, cool_down_ms)
  ), held AS MATERIALIZED (
    SELECT f.* FROM freed f JOIN slot s USING (node_id, slot_no)
    WHERE s.epoch = f.epoch AND s.task_id = f.task_id ORDER BY s.node_id, s.slot_no FOR UPDATE OF s
  ), slots AS (
    UPDATE slot s SET task_id = NULL, attempt = NULL, worker_id = NULL,
      held_until = CASE WHEN h.cool_down_ms > 0 THEN now() + h.cool_down_ms * interval '1 ms' END
    FROM held h WHERE s.node_id = h.node_id AND s.slot_no = h.slot_no
  ), ended AS MATERIALIZED (
    SELECT a.task_id, a.number, h.gpu_ms, h.gpu_ms - a.gpu_ms AS more
    FROM held h JOIN task_attempt a ON a.task_id = h.task_id AND a.number = h.attempt
    WHERE a.outcome <> 'RUNNING' AND a.gpu_ms <> h.gpu_ms
  ), charged AS MATERIALIZED (
    SELECT e.*, t.user_id, t.queue_id, t.priority FROM ended e JOIN task t ON t.id = e.task_id
    ORDER BY t.id FOR UPDATE OF t
  ), task_total AS (
    UPDATE task t SET gpu_ms = t.gpu_ms + c.more FROM charged c WHERE t.id = c.task_id
  ), attempt_total AS (
    UPDATE task_attempt a SET gpu_ms = c.gpu_ms FROM charged c WHERE a.task_id = c.task_id AND a.number = c.number
  )
  SELECT user_id AS "userId", queue_id AS "queueId", priority, (more / 1000.0)::float8 AS "measuredSeconds"
  FROM charged`;

type ChargedRow = Pick<SettledStep, 'userId' | 'queueId' | 'priority' | 'measuredSeconds'> &
  Record<string, unknown>;

export interface SlotFreer {
  freeSlot(lease: Lease, end: SlotEnd): Promise<void>;
  idle(): Promise<void>;
}

/** Gives slots back as soon as their nodes have answered, before results are stored. */
export function createSlotFreer({ database, carrier, shares }: Core): SlotFreer {
  async function write(group: readonly FreedSlot[]): Promise<undefined[]> {
    const column = <T>(of: (freed: FreedSlot) => T): T[] => group.map(of);
    await database.lanes.transact(async (tx) => {
      const charged = await tx.query<ChargedRow>(free, [
        column(({ lease }) => lease.nodeId),
        column(({ lease }) => lease.slotNo),
        column(({ lease }) => lease.epoch),
        column(({ lease }) => lease.taskId),
        column(({ lease }) => lease.attempt),
        column(({ gpuMs }) => Math.max(0, Math.round(gpuMs))),
        column(({ coolDownMs }) => coolDownMs ?? 0),
      ]);
      shares.correct(
        tx,
        charged.map((row) => ({ ...row, chargedSeconds: 0, isQueuedAgain: false })),
      );
    });
    const times = new Set(group.map(({ coolDownMs }) => coolDownMs ?? 0));
    for (const ms of times) carrier.announce({ type: 'slots' }, ms);
    return group.map(() => undefined);
  }

  const batcher = createBatcher<FreedSlot, undefined>({ maxSize: MAX_GROUP, maxInFlight: 1, write });
  return { freeSlot: (lease, end) => batcher.add({ lease, ...end }), idle: () => batcher.idle() };
}
