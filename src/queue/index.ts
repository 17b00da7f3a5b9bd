import { PgBoss } from 'pg-boss';
import type { Database } from '../database/index.ts';
import type { Log } from '../log.ts';
import { createDirectory } from './directory.ts';
import { assertInserted, isJobLive, lockJobs, selectHeads } from './jobs.ts';
import { map, type Sent, send } from './sent.ts';
import { takeJobs } from './take.ts';
import type { JobAttempt, Queue } from './types.ts';

export type { Sent } from './sent.ts';
export type {
  FetchedJob,
  JobAttempt,
  JobKey,
  LockedJob,
  NewJob,
  Queue,
  QueueHead,
  QueueRow,
} from './types.ts';

const nothingSent: Sent<string[]> = { answer: Promise.resolve([]) };

/** pg-boss sorts neither what it fetches nor what it locks: ids in order, so that two groups cannot deadlock. */
const byId = (a: JobAttempt, b: JobAttempt): number => (a.id < b.id ? -1 : 1);

/** Opens pg-boss on the connections of `database`, whose tables must be up to date. */
export async function createQueue({ database, log }: { database: Database; log: Log }): Promise<Queue> {
  const boss = new PgBoss({
    db: { executeSql: (text, values) => database.pool.query(text, values) },
    migrate: false,
    supervise: false,
    schedule: false,
    maintenanceIntervalSeconds: 300,
    // How long a queue may get is the tasks' to say.
    warningQueueSize: 1_000_000_000,
  });
  boss.on('error', (error) => log.warn({ err: error }, 'pg-boss'));
  boss.on('warning', (warning) => log.warn({ warning }, 'pg-boss'));
  await boss.start();
  const directory = createDirectory({ pool: database.pool, boss });

  return {
    ...directory,

    async insert(tx, queue, jobs) {
      const rows = jobs.map(({ id, priority, ...data }) => ({ id, priority, data }));
      await send(tx, (db) => boss.insert(queue.name, rows, { db }));
      return { answer: assertInserted(tx, queue, jobs) };
    },

    async complete(tx, queue, jobs) {
      if (jobs.length === 0) return nothingSent;
      const sent = await send(tx, (db) => boss.complete(queue.name, attempts(jobs), undefined, { db }));
      return map(sent, settledIds);
    },

    async fail(tx, queue, jobs) {
      if (jobs.length === 0) return nothingSent;
      const sent = await send(tx, (db) => boss.fail(queue.name, attempts(jobs), undefined, { db }));
      return map(sent, settledIds);
    },

    async delay(tx, queue, id, seconds) {
      const options = { id, startAfter: seconds };
      const sent = await send(tx, (db) => boss.update(queue.name, undefined, { ...options, db }));
      return map(sent, () => undefined);
    },

    async cancel(tx, queue, ids) {
      if (ids.length === 0) return nothingSent;
      const sent = await send(tx, (db) => boss.cancel(queue.name, ids.toSorted(), { db }));
      return map(sent, settledIds);
    },

    take: takeJobs,
    lock: lockJobs,
    isLive: isJobLive,
    heads: selectHeads,
    maintain: () => boss.supervise(),
    close: () => boss.stop({ graceful: false }),
  };
}

/** Which jobs a command found: pg-boss's types do not tell that it says so. */
function settledIds(response: { readonly settled?: unknown }): string[] {
  if (!Array.isArray(response.settled)) throw new Error('pg-boss does not say which jobs it settled');
  return response.settled;
}

function attempts(jobs: readonly JobAttempt[]): JobAttempt[] {
  return jobs.map(({ id, retryCount }) => ({ id, retryCount })).sort(byId);
}
