import type { Core } from './core.ts';

/** What a node may still do for nobody. */
export interface LeftWork {
  readonly taskId: string;
  readonly attempt: number;
  readonly nodeId: string;
  /** Of the job that was kept; null where it is a call that nobody waits for. */
  readonly handle: string | null;
  /** The slot that cools down for it, as it was leased; null where none does. */
  readonly slot: { readonly slotNo: number; readonly epoch: number } | null;
}

/** What lost workers had under way, and the jobs of tasks that ended while nobody ran them. */
export interface LeftWorks {
  /** What nodes may still be asked to stop. */
  leftWork(): Promise<readonly LeftWork[]>;
  /** The node was asked. Where it stopped, its slot is free; a job is forgotten in any case. */
  endLeftWork(work: LeftWork, isStopped: boolean): Promise<void>;
}

interface Row extends Omit<LeftWork, 'slot'> {
  readonly slotNo: number | null;
  readonly epoch: number | null;
}

// While a slot is taken, whoever runs the attempt sees to its job.
const select = `
  SELECT a.task_id AS "taskId", a.number AS attempt, s.node_id AS "nodeId", NULL AS handle, s.slot_no AS "slotNo", s.epoch
  FROM slot s JOIN task_attempt a ON a.node_id = s.node_id AND a.slot_no = s.slot_no AND a.epoch = s.epoch
  WHERE s.task_id IS NULL AND s.held_until > now() AND a.outcome IN ('WORKER_LOST', 'CANCELED')
  UNION ALL
  SELECT r.task_id, r.attempt, r.node_id, r.handle, NULL, NULL
  FROM remote_job r JOIN task t ON t.id = r.task_id
  WHERE t.status IN ('FAILED', 'CANCELED') AND NOT EXISTS (SELECT FROM slot WHERE task_id = r.task_id)
  LIMIT 100`;

const freeSlot = `
  UPDATE slot SET held_until = NULL WHERE node_id = $1 AND slot_no = $2 AND epoch = $3 AND task_id IS NULL`;

const forget = 'DELETE FROM remote_job WHERE task_id = $1 AND handle = $2';

export function createLeftWorks({ database: { pool }, carrier }: Core): LeftWorks {
  return {
    async leftWork() {
      const { rows } = await pool.query<Row>(select);
      return rows.map(({ slotNo, epoch, ...work }) => ({
        ...work,
        slot: slotNo === null || epoch === null ? null : { slotNo, epoch },
      }));
    },
    async endLeftWork({ taskId, nodeId, handle, slot }, isStopped) {
      if (handle !== null) await pool.query(forget, [taskId, handle]);
      if (slot === null || !isStopped) return;
      await pool.query(freeSlot, [nodeId, slot.slotNo, slot.epoch]);
      carrier.announce({ type: 'slots' });
    },
  };
}
