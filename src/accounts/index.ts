import type { ApiKey, Database, User } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';
import type { Log } from '../log.ts';
import type { Viewer } from './access.ts';
import { createApiKeys, type NewApiKey } from './api-keys.ts';
import { createAuthenticator } from './authenticate.ts';
import { createPasswords } from './passwords.ts';
import { createSessions, type SignedIn } from './sessions.ts';
import { type Credentials, createSignIn } from './sign-in.ts';
import { type AttemptLimits, createThrottle, defaultAttemptLimits } from './throttle.ts';
import type { Tiers } from './tiers.ts';
import { createAccessTokens } from './tokens.ts';
import { createUsers, type NewUser, type UserChanges, type UserPage } from './users.ts';

export { canSee, isAdmin, isOperator, type Viewer } from './access.ts';
export type { NewApiKey } from './api-keys.ts';
export type { SignedIn } from './sessions.ts';
export type { Credentials } from './sign-in.ts';
export type { AttemptLimits } from './throttle.ts';
export { defaultTiers, mergeTiers, type TierLimits, type Tiers } from './tiers.ts';
export type { NewUser, UserChanges, UserPage } from './users.ts';

/** Who may do what: users, their sessions and their API keys. */
export interface Accounts {
  readonly tiers: Tiers;

  /**
   * Makes a user and logs in.
   * @param address the client's, where it is known: what limits apply to
   * @throws InvalidInputError (also where registration is closed), AlreadyExistsError, RateLimitedError
   */
  register(input: Credentials, address: string | null): Promise<SignedIn>;
  /** @throws InvalidCredentialsError, RateLimitedError after too many wrong passwords */
  login(input: Credentials, address: string | null): Promise<SignedIn>;
  /**
   * Changes a refresh token for new tokens. One that was used before ends its session, unless that was in
   * the last seconds: then the same next token is given again.
   * @throws InvalidCredentialsError
   */
  refresh(refreshToken: string): Promise<SignedIn>;
  /** Ends the session of the refresh token. @throws InvalidCredentialsError */
  logout(refreshToken: string): Promise<User>;
  /**
   * Ends the user's other sessions; API keys stay.
   * @throws InvalidInputError, InvalidCredentialsError, RefusedError RATE_LIMITED after too many wrong ones
   */
  changePassword(viewer: Viewer, input: { currentPassword: string; newPassword: string }): Promise<SignedIn>;

  /**
   * Who bears this `Authorization` header, or the same value of a socket; null where there is none.
   * @throws RefusedError UNAUTHENTICATED for a credential that is not good (any more)
   */
  authenticate(authorization: string | null | undefined): Promise<Viewer | null>;
  /** The same viewer as of now, with today's role; null where the credential has ended. Cheap. */
  recheck(viewer: Viewer): Promise<Viewer | null>;

  /** The secret is told this once. @throws InvalidInputError, QuotaExceededError */
  createApiKey(userId: string, input: NewApiKey): Promise<{ apiKey: ApiKey; secret: string }>;
  /** Newest first. */
  listApiKeys(userId: string): Promise<ApiKey[]>;
  /** @throws NotFoundError, also for another user's key */
  revokeApiKey(userId: string, id: string): Promise<void>;

  /** For the operator of the machine: any role, no limits. @throws InvalidInputError, AlreadyExistsError */
  createUser(input: NewUser): Promise<User>;
  /** @throws NotFoundError, InvalidInputError where no working admin were left */
  updateUser(id: string, changes: UserChanges): Promise<User>;
  findUser(id: string): Promise<User | null>;
  /** In the order of their creation. */
  listUsers(page: UserPage): Promise<{ users: User[]; hasNextPage: boolean }>;
  /**
   * Sees to it that the user `admin` (ADMIN, VIP) has exactly this key, or a new one, beside those that it
   * made itself. @returns the key
   */
  ensureAdminKey(key: string | null): Promise<string>;

  /** How many passwords this process compared with a hash so far: each costs as much as thousands of requests. */
  readonly passwordComparisons: number;
  /** Housekeeping: sessions, keys and token buckets that are of no more use. */
  removeExpired(): Promise<{ sessions: number; apiKeys: number; buckets: number }>;
  /** Stops listening to the carrier. */
  close(): void;
}

export interface AccountsOptions {
  readonly database: Database;
  readonly carrier: Carrier;
  /** At least 32 random bytes, the same in every process. */
  readonly jwtSecret: Uint8Array;
  readonly tiers: Tiers;
  readonly registration: 'open' | 'closed';
  readonly log: Log;
  readonly attemptLimits?: AttemptLimits;
}

export function createAccounts(options: AccountsOptions): Accounts {
  const { database, carrier, jwtSecret, tiers, log } = options;
  const accessTokens = createAccessTokens(jwtSecret, database.clock);
  const passwords = createPasswords();
  const sessions = createSessions({ database, carrier, accessTokens, secret: jwtSecret });
  const throttle = createThrottle(database, options.attemptLimits ?? defaultAttemptLimits);
  const signIn = createSignIn({
    database,
    passwords,
    sessions,
    throttle,
    registration: options.registration,
  });
  const apiKeys = createApiKeys({ database, carrier });
  const users = createUsers({ database, carrier, passwords });
  const authenticator = createAuthenticator(database, accessTokens);
  const stopListening = carrier.listen((heard) => {
    if (heard.type === 'account') authenticator.forget(heard.userId);
    if (heard.type === 'resync') authenticator.forget(null);
  });

  return {
    tiers,
    register: signIn.register,
    login: signIn.login,
    refresh: sessions.refresh,
    logout: sessions.logout,
    changePassword: signIn.changePassword,
    authenticate: authenticator.authenticate,
    recheck: authenticator.recheck,
    createApiKey: apiKeys.create,
    listApiKeys: apiKeys.list,
    revokeApiKey: apiKeys.revoke,
    createUser: users.create,
    updateUser: users.update,
    findUser: users.find,
    listUsers: users.list,
    ensureAdminKey: users.ensureAdminKey,
    get passwordComparisons() {
      return passwords.comparisons;
    },
    async removeExpired() {
      const removed = await removeExpired(database);
      log.debug(removed, 'expired credentials removed');
      return removed;
    },
    close: stopListening,
  };
}

/** Keeps what has ended for a day, so that whoever still uses it is told why it is refused. */
async function removeExpired({ pool }: Database) {
  const remove = async (statement: string) => (await pool.query(statement)).rowCount ?? 0;
  const longAgo = `now() - interval '1 day'`;
  return {
    sessions: await remove(`DELETE FROM session WHERE expires_at < ${longAgo} OR revoked_at < ${longAgo}`),
    apiKeys: await remove(`DELETE FROM api_key WHERE expires_at < ${longAgo}`),
    // Whatever their rate, they are full again by then, or near enough.
    buckets: await remove(`DELETE FROM token_bucket WHERE updated_at < ${longAgo}`),
  };
}
