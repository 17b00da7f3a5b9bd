import { isIPv6 } from 'node:net';
import { type Database, takeTokens } from '../database/index.ts';
import { RateLimitedError } from '../errors.ts';

export interface AttemptLimits {
  /** Wrong passwords for one username. */
  readonly loginsPerUser: Bucket;
  /** Wrong passwords from one client address. */
  readonly loginsPerAddress: Bucket;
  /** New accounts from one client address. */
  readonly registrations: Bucket;
}

interface Bucket {
  /** A second. */
  readonly rate: number;
  readonly burst: number;
}

export const defaultAttemptLimits: AttemptLimits = {
  loginsPerUser: { rate: 1 / 6, burst: 10 },
  loginsPerAddress: { rate: 1, burst: 100 },
  registrations: { rate: 1, burst: 100 },
};

export interface Throttle {
  /** @throws RateLimitedError where one of the buckets is empty */
  login(username: string, address: string | null): Promise<void>;
  /** Gives back what a login took: only wrong passwords count. */
  loggedIn(username: string, address: string | null): Promise<void>;
  /** @throws RateLimitedError */
  register(address: string | null): Promise<void>;
}

/** Who has an IPv6 address has a /64 of them. */
function network(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname
    .slice(1, -1)
    .split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail.split(':').filter(Boolean);
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}

/** Bounds guessing, on the database's clock and so for all processes together. */
export function createThrottle(database: Database, limits: AttemptLimits): Throttle {
  const logins = (username: string, address: string | null) => [
    { key: `login:user:${username}`, ...limits.loginsPerUser },
    ...(address === null ? [] : [{ key: `login:address:${network(address)}`, ...limits.loginsPerAddress }]),
  ];

  async function take(buckets: (Bucket & { key: string })[], what: string): Promise<void> {
    const grants = await database.lanes.transact((tx) =>
      takeTokens(
        tx,
        buckets.map((bucket) => ({ ...bucket, amount: 1 })),
      ),
    );
    const wait = Math.max(0, ...grants.map(({ retryAfterMs }) => retryAfterMs));
    if (wait > 0) {
      throw new RateLimitedError(`too many ${what}; try again in ${Math.ceil(wait / 1000)} seconds`, wait);
    }
  }

  return {
    login: (username, address) => take(logins(username, address), 'wrong passwords'),
    async loggedIn(username, address) {
      const back = logins(username, address).map((bucket) => ({ ...bucket, amount: -1 }));
      await database.lanes.transact((tx) => takeTokens(tx, back));
    },
    async register(address) {
      if (address === null) return;
      const key = `register:address:${network(address)}`;
      await take([{ key, ...limits.registrations }], 'registrations from this address');
    },
  };
}
