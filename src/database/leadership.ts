import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Log } from '../log.ts';

/** How long a leader that has vanished is waited for: nodes that fall silent meanwhile are found that much later. */
const LEASE_MS = 2_000;
const RENEW_MS = 400;
/** A leader that could not renew for so long stops, well before another may begin. */
const GIVE_UP_MS = 1_200;

export interface Leadership {
  /**
   * Runs `work` whenever this process leads `name`, and again each time it does so anew; the others wait. At
   * most one process leads at a time, by a lease on the database's clock. The work's signal aborts when the
   * lease is lost or `signal` aborts; work that fails or returns is begun again.
   * @returns once `signal` has aborted, the work has ended and the lease is given back
   */
  lead(name: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Ends every lease. Only for a process that has the database alone, at its start: all holders are dead. */
  takePredecessors(): Promise<void>;
}

export interface LeadershipOptions {
  readonly database: { readonly pool: pg.Pool };
  /** A UUID of this process. */
  readonly holderId: string;
  readonly log: Log;
}

interface Lease {
  readonly name: string;
  /** When it was asked for: its time runs from then at the earliest. */
  readonly takenAt: number;
}

/** For how many milliseconds a lease may still be counted upon that was asked for then. */
const trustedFor = (takenAt: number): number => takenAt + GIVE_UP_MS - performance.now();

const TAKE = `
  INSERT INTO leader AS l (name, holder, until) VALUES ($1, $2, now() + $3 * interval '1 ms')
  ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
  WHERE l.holder = excluded.holder OR l.until < now()
  RETURNING true`;

const GIVE_BACK = 'DELETE FROM leader WHERE name = $1 AND holder = $2';

/** Waits that long, or until the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

export function createLeadership({ database, holderId, log }: LeadershipOptions): Leadership {
  async function take(name: string): Promise<boolean> {
    const { rowCount } = await database.pool.query(TAKE, [name, holderId, LEASE_MS]);
    return rowCount === 1;
  }

  /** Renews until `ending` aborts, and aborts it when the lease is lost or can no longer be trusted. */
  async function keep({ name, takenAt }: Lease, ending: AbortController, signal: AbortSignal): Promise<void> {
    const giveUp = () => ending.abort();
    let watchdog = setTimeout(giveUp, Math.max(0, trustedFor(takenAt)));
    while (!signal.aborted) {
      await pause(RENEW_MS, signal);
      if (signal.aborted) break;
      const askedAt = performance.now();
      try {
        if (!(await take(name))) ending.abort();
        clearTimeout(watchdog);
        watchdog = setTimeout(giveUp, Math.max(0, trustedFor(askedAt)));
      } catch (error) {
        log.warn({ err: error, name }, 'the leader could not renew its lease');
      }
    }
    clearTimeout(watchdog);
  }

  async function term(lease: Lease, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>) {
    const { name } = lease;
    const ending = new AbortController();
    const own = AbortSignal.any([signal, ending.signal]);
    const kept = keep(lease, ending, own);
    log.info({ name }, 'leads');
    while (!own.aborted) {
      await work(own).catch((error: unknown) => {
        if (!own.aborted) log.error({ err: error, name }, 'the leader failed, and begins again');
      });
      await pause(RENEW_MS, own);
    }
    await kept;
  }

  return {
    async lead(name, signal, work) {
      while (!signal.aborted) {
        const takenAt = performance.now();
        const leads = await take(name).catch((error: unknown) => {
          log.warn({ err: error, name }, 'leadership could not be asked for');
          return false;
        });
        // Of a lease that was heard of so late nobody knows whose it is by now.
        const isGood = leads && trustedFor(takenAt) > 0;
        if (isGood && !signal.aborted) await term({ name, takenAt }, signal, work);
        else await pause(RENEW_MS, signal);
      }
      await database.pool.query(GIVE_BACK, [name, holderId]).catch((error: unknown) => {
        log.warn({ err: error, name }, 'leadership could not be given back; it runs out by itself');
      });
    },
    async takePredecessors() {
      await database.pool.query('DELETE FROM leader');
    },
  };
}
