import { afterAll, beforeAll, vi } from 'vitest';
import {
  type Accounts,
  type AccountsOptions,
  type AttemptLimits,
  createAccounts,
  defaultTiers,
} from '../../src/accounts/index.ts';
import type { Database } from '../../src/database/index.ts';
import { createCarrier } from '../../src/events/index.ts';
import { openTestDatabase } from '../support/database.ts';
import { testLog } from '../support/log.ts';

export interface TestAccounts extends AsyncDisposable {
  readonly accounts: Accounts;
  readonly database: Database;
  /** The carrier hears other processes, and has said that everything is to be read again. */
  readonly listening: Promise<void>;
  /** Another process's worth of accounts on the same database, with a carrier of its own. */
  sibling(options?: Partial<AccountsOptions>): Accounts;
}

export const jwtSecret = new Uint8Array(32).fill(1);

/** Opens accounts on the file's database, which knows nobody. `await using` closes them, and forgets whom they made. */
export function useAccounts(): (options?: Partial<AccountsOptions>) => Promise<TestAccounts> {
  let database: (Database & AsyncDisposable) | undefined;
  beforeAll(async () => {
    database = await openTestDatabase();
  });
  afterAll(() => database?.[Symbol.asyncDispose]());
  return async (options = {}) => {
    if (!database) throw new Error('the database is opened before the first test');
    return openAccounts(database, options);
  };
}

function openAccounts(database: Database, options: Partial<AccountsOptions>): TestAccounts {
  const closers: (() => Promise<void>)[] = [];
  const { promise: listening, resolve: heardResync } = Promise.withResolvers<void>();
  function open(changes: Partial<AccountsOptions>, resynced?: () => void): Accounts {
    const carrier = createCarrier({ url: database.url, log: testLog });
    const accounts = createAccounts({
      database,
      carrier,
      jwtSecret,
      tiers: defaultTiers,
      registration: 'open',
      log: testLog,
      ...changes,
    });
    carrier.listen(({ type }) => type === 'resync' && resynced?.());
    closers.push(async () => {
      accounts.close();
      await carrier.close();
    });
    return accounts;
  }
  return {
    accounts: open(options, heardResync),
    database,
    listening,
    sibling: (changes = {}) => open(changes),
    async [Symbol.asyncDispose]() {
      await Promise.all(closers.map((close) => close()));
      await database.pool.query('DELETE FROM user_account; DELETE FROM token_bucket');
    },
  };
}

/** Tokens flow in too slowly for the pace of a test to matter. */
export const slowLimits: AttemptLimits = {
  loginsPerUser: { rate: 0.01, burst: 10 },
  loginsPerAddress: { rate: 0.01, burst: 100 },
  registrations: { rate: 0.01, burst: 100 },
};

export const ann = { username: 'ann', password: 'correct horse battery' };
export const bearer = (token: string) => `Bearer ${token}`;

/** Waits until the check passes; fails with what it says after ten seconds. */
export async function eventually(check: () => Promise<unknown>): Promise<void> {
  await vi.waitFor(check, { timeout: 10_000, interval: 20 });
}
