import type pg from 'pg';
import { newId } from '../ids.ts';

/** Seconds without a renewal after which a worker is taken for lost. */
export const DEFAULT_LEASE_MS = 15_000;

export interface WorkerInput {
  readonly host: string;
  readonly pid: number;
  /** How many attempts it runs at once. */
  readonly concurrency: number;
}

/** The worker processes. A worker's lease, on the database's clock, covers every attempt that it runs. */
export interface Workers {
  /** Answers the new worker's id. */
  join(worker: WorkerInput): Promise<string>;
  /** False: the lease ran out, and its attempts may be others' by now. Stop them, and join again. */
  renew(workerId: string): Promise<boolean>;
  /** Ends the lease: whatever the worker still holds is the sweeper's. */
  leave(workerId: string): Promise<void>;
  /**
   * Ends every worker's lease, so that the next sweep takes what they held. Only for a server that owns its
   * data folder alone, at its start: all workers that it finds are dead.
   */
  takePredecessors(): Promise<void>;
}

export function createWorkers(pool: pg.Pool, leaseMs: number): Workers {
  return {
    async join({ host, pid, concurrency }) {
      const id = newId();
      await pool.query(
        `INSERT INTO worker (id, host, pid, concurrency, lease_until)
         VALUES ($1, $2, $3, $4, now() + $5 * interval '1 ms')`,
        [id, host, pid, concurrency, leaseMs],
      );
      return id;
    },
    async renew(workerId) {
      const { rowCount } = await pool.query(
        `UPDATE worker SET lease_until = now() + $2 * interval '1 ms' WHERE id = $1 AND lease_until > now()`,
        [workerId, leaseMs],
      );
      return rowCount === 1;
    },
    async leave(workerId) {
      await pool.query(`UPDATE worker SET lease_until = '-infinity' WHERE id = $1`, [workerId]);
      // Most have handed everything back by now.
      await pool.query(
        `DELETE FROM worker w WHERE id = $1
           AND NOT EXISTS (SELECT FROM slot WHERE worker_id = w.id)
           AND NOT EXISTS (SELECT FROM task_attempt WHERE worker_id = w.id AND outcome = 'RUNNING')`,
        [workerId],
      );
    },
    async takePredecessors() {
      await pool.query(`UPDATE worker SET lease_until = '-infinity'`);
    },
  };
}
