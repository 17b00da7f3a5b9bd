import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import type { Log } from '../log.ts';
import { createDatabaseClock, type DatabaseClock } from './clock.ts';
import { PrismaClient } from './generated/client.ts';
import { createLanes, type Lanes } from './lanes.ts';
import { createPool } from './pool.ts';

export { type Batcher, createBatcher } from './batcher.ts';
export type { DatabaseClock } from './clock.ts';
export type * from './generated/client.ts';
export { Prisma, TaskEventType } from './generated/client.ts';
export { type Lanes, type Transaction, UncertainCommitError } from './lanes.ts';
export { createLeadership } from './leadership.ts';
export { migrate, pendingMigrations } from './migrate.ts';
export { connectionConfig } from './pool.ts';
export { type TokenGrant, takeTokens } from './token-bucket.ts';
export { untilCertain } from './until-certain.ts';

export interface Database {
  readonly url: string;
  /** Ordinary reads and writes. */
  readonly prisma: PrismaClient;
  /** Plain SQL beside Prisma, on the same connections. */
  readonly pool: pg.Pool;
  /** The hot path's own connections. */
  readonly lanes: Lanes;
  readonly clock: DatabaseClock;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly url: string;
  readonly log: Log;
  readonly poolSize?: number;
  readonly lanes?: number;
}

/** Above the pool's and PostgreSQL's own bounds, which tell better what a transaction waited for in vain. */
const transactionOptions = { maxWait: 10_000, timeout: 20_000 };

const SYNCHRONIZE_MS = 60_000;

/** Opens every connection that an app needs. The database must have been migrated. */
export async function openDatabase({
  url,
  log,
  poolSize = 10,
  lanes = 4,
}: DatabaseOptions): Promise<Database> {
  const pool = createPool({ url, name: 'switchyard', max: poolSize });
  let isClosing = false;
  pool.on('error', (error) => {
    // A connection that is being closed may still hear that its server stops.
    if (!isClosing) log.warn({ err: error }, 'idle database connection lost');
  });
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool), transactionOptions });
  const hot = createLanes({ url, size: lanes, log });
  const clock = await createDatabaseClock(pool);
  const synchronizing = setInterval(() => {
    clock.synchronize().catch((error: unknown) => {
      if (!isClosing) log.warn({ err: error }, "the database's clock could not be read");
    });
  }, SYNCHRONIZE_MS).unref();
  return {
    url,
    prisma,
    pool,
    lanes: hot,
    clock,
    async close() {
      isClosing = true;
      clearInterval(synchronizing);
      await hot.close();
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
