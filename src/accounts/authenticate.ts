import type { Database } from '../database/index.ts';
import { RefusedError } from '../errors.ts';
import type { Viewer } from './access.ts';
import { type CredentialCache, createCredentialCache } from './credential-cache.ts';
import { type AccessTokens, hashSecret } from './tokens.ts';

/** How long a change may stay unseen where its announcement was lost. */
const TTL_MS = 5_000;
const MAX_CREDENTIALS = 50_000;

export interface Authenticator {
  authenticate(authorization: string | null | undefined): Promise<Viewer | null>;
  recheck(viewer: Viewer): Promise<Viewer | null>;
  forget(userId: string | null): void;
}

interface CredentialRow extends Pick<Viewer, 'userId' | 'username' | 'role' | 'tier' | 'expiresAt'> {
  readonly id: string;
  readonly disabled: boolean;
  readonly ended: boolean;
}

const userColumns = 'u.id AS "userId", u.username, u.role, u.tier, u.disabled';

const sessionById = `
  SELECT s.id, ${userColumns}, NULL AS "expiresAt",
         s.revoked_at IS NOT NULL OR s.expires_at <= now() AS ended
  FROM session s JOIN user_account u ON u.id = s.user_id WHERE s.id = $1`;

const keyColumns = `k.id, ${userColumns}, k.expires_at AS "expiresAt",
  k.expires_at IS NOT NULL AND k.expires_at <= now() AS ended`;

const keyById = `SELECT ${keyColumns} FROM api_key k JOIN user_account u ON u.id = k.user_id WHERE k.id = $1`;

// To the minute is enough, and spares a write for each request.
const keyByHash = `
  WITH used AS (
    UPDATE api_key SET last_used_at = now()
    WHERE hash = $1 AND (expires_at IS NULL OR expires_at > now())
      AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
  )
  SELECT ${keyColumns} FROM api_key k JOIN user_account u ON u.id = k.user_id WHERE k.hash = $1`;

const refused = (message: string) => new RefusedError('UNAUTHENTICATED', message);
const endedMessage = {
  session: 'the session has ended; log in again',
  apiKey: 'the API key is not valid: there is none like it, or it has expired or was revoked',
};

function viewerOf(type: 'session' | 'apiKey', row: CredentialRow | undefined): Viewer {
  if (!row || row.ended) throw refused(endedMessage[type]);
  if (row.disabled) throw refused('the account is disabled');
  const { id, userId, username, role, tier, expiresAt } = row;
  return { userId, username, role, tier, credential: { type, id }, expiresAt };
}

/** The token of an `Authorization: Bearer …` header. */
function bearerToken(authorization: string): string {
  const [, token] = /^Bearer +(\S+)\s*$/i.exec(authorization) ?? [];
  if (token === undefined) {
    throw refused('the authorization must be "Bearer" and an access token or API key');
  }
  return token;
}

const looksLikeJwt = (token: string) => /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/.test(token);

/** Finds out who asks; see {@link Accounts}. Remembers what it found until it hears of a change. */
export function createAuthenticator(database: Database, accessTokens: AccessTokens): Authenticator {
  const cache: CredentialCache = createCredentialCache({ ttlMs: TTL_MS, max: MAX_CREDENTIALS });

  async function load(type: 'session' | 'apiKey', statement: string, value: unknown): Promise<Viewer> {
    const { rows } = await database.pool.query<CredentialRow>(statement, [value]);
    return viewerOf(type, rows[0]);
  }

  const session = (id: string) => cache.get(`session ${id}`, () => load('session', sessionById, id));

  function assertCurrent(viewer: Viewer): Viewer {
    if (viewer.expiresAt !== null && viewer.expiresAt <= database.clock.now()) {
      throw refused(endedMessage[viewer.credential.type]);
    }
    return viewer;
  }

  async function byAccessToken(token: string): Promise<Viewer> {
    const { sessionId, expiresAt } = await accessTokens.verify(token);
    return { ...(await session(sessionId)), expiresAt };
  }

  async function byApiKey(key: string): Promise<Viewer> {
    const hash = hashSecret(key);
    return cache.get(`key ${hash.toString('base64')}`, () => load('apiKey', keyByHash, hash));
  }

  async function again({ credential, expiresAt }: Viewer): Promise<Viewer> {
    if (credential.type === 'session') return { ...(await session(credential.id)), expiresAt };
    return cache.get(`key id ${credential.id}`, () => load('apiKey', keyById, credential.id));
  }

  return {
    async authenticate(authorization) {
      if (authorization === null || authorization === undefined || authorization === '') return null;
      const token = bearerToken(authorization);
      return assertCurrent(await (looksLikeJwt(token) ? byAccessToken(token) : byApiKey(token)));
    },
    async recheck(viewer) {
      try {
        return assertCurrent(await again(viewer));
      } catch (error) {
        if (error instanceof RefusedError) return null;
        throw error;
      }
    },
    forget: cache.forget,
  };
}
