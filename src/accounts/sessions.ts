import type { Database, User } from '../database/index.ts';
import { InvalidCredentialsError } from '../errors.ts';
import type { Carrier } from '../events/index.ts';
import { newId } from '../ids.ts';
import {
  type AccessTokens,
  hashSecret,
  newRefreshToken,
  nextRefreshToken,
  sessionOfRefreshToken,
} from './tokens.ts';

/** Both tokens of a session, and whose it is. */
export interface SignedIn {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Of the access token. */
  readonly expiresAt: Date;
  readonly user: User;
}

export interface Sessions {
  open(user: User): Promise<SignedIn>;
  refresh(refreshToken: string): Promise<SignedIn>;
  /** Gives a session that is known by other means new tokens; the old refresh token is worth nothing then. */
  renew(sessionId: string, user: User): Promise<SignedIn>;
  logout(refreshToken: string): Promise<User>;
  /** All of a user's but one. */
  revokeOthers(userId: string, keptId: string | null): Promise<void>;
}

const LIFE = `interval '30 days'`;
/** In which a client may use a refresh token twice: two of its requests at once, or an answer lost on the way. */
const GRACE = `interval '10 seconds'`;

const insert = `INSERT INTO session (id, user_id, refresh_hash, expires_at) VALUES ($1, $2, $3, now() + ${LIFE})`;

const rotate = `
  UPDATE session s SET previous_hash = refresh_hash, refresh_hash = $2, expires_at = now() + ${LIFE}
  FROM user_account u
  WHERE s.refresh_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > now()
    AND u.id = s.user_id AND NOT u.disabled
  RETURNING s.id, s.user_id AS "userId"`;

// A session's life begins anew at each rotation, so its end tells when that was.
const rotatedJustNow = `
  SELECT s.id, s.user_id AS "userId" FROM session s JOIN user_account u ON u.id = s.user_id
  WHERE s.previous_hash = $1 AND s.refresh_hash = $2 AND s.revoked_at IS NULL
    AND s.expires_at > now() + ${LIFE} - ${GRACE} AND NOT u.disabled`;

// Whoever has a token that was replaced shares the session with somebody else: one of the two stole it.
const revokeReplayed = `
  UPDATE session SET revoked_at = now() WHERE id = $1 AND refresh_hash <> $2 AND revoked_at IS NULL
  RETURNING user_id AS "userId"`;

const revoke = `
  UPDATE session SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING user_id AS "userId"`;

const replace = `
  UPDATE session SET refresh_hash = $2, previous_hash = NULL, expires_at = now() + ${LIFE} WHERE id = $1`;

interface SessionRow {
  readonly id: string;
  readonly userId: string;
}

const invalid = () =>
  new InvalidCredentialsError('the refresh token is not valid: it was used before, or its session has ended');

export function createSessions(options: {
  database: Database;
  carrier: Carrier;
  accessTokens: AccessTokens;
  secret: Uint8Array;
}): Sessions {
  const { database, carrier, accessTokens, secret } = options;
  const { pool, prisma } = database;

  async function signedIn(sessionId: string, refreshToken: string, user: User): Promise<SignedIn> {
    const { token, expiresAt } = await accessTokens.issue(user.id, sessionId);
    return { accessToken: token, refreshToken, expiresAt, user };
  }

  /** @throws InvalidCredentialsError for a token that was never given out */
  function sessionOf(refreshToken: string): string {
    const id = sessionOfRefreshToken(secret, refreshToken);
    if (id === null) throw invalid();
    return id;
  }

  return {
    async open(user) {
      const id = newId();
      const refreshToken = newRefreshToken(secret, id);
      await pool.query(insert, [id, user.id, hashSecret(refreshToken)]);
      return signedIn(id, refreshToken, user);
    },
    async refresh(refreshToken) {
      const id = sessionOf(refreshToken);
      const next = nextRefreshToken(secret, refreshToken);
      const hashes = [hashSecret(refreshToken), hashSecret(next)] as const;
      const rotated = await pool.query<SessionRow>(rotate, [...hashes]);
      const session = rotated.rows[0] ?? (await pool.query<SessionRow>(rotatedJustNow, [...hashes])).rows[0];
      if (!session) {
        const { rows } = await pool.query<{ userId: string }>(revokeReplayed, [id, hashes[0]]);
        for (const { userId } of rows) carrier.announce({ type: 'account', userId });
        throw invalid();
      }
      const user = await prisma.user.findUniqueOrThrow({ where: { id: session.userId } });
      return signedIn(session.id, next, user);
    },
    async renew(sessionId, user) {
      const refreshToken = newRefreshToken(secret, sessionId);
      await pool.query(replace, [sessionId, hashSecret(refreshToken)]);
      return signedIn(sessionId, refreshToken, user);
    },
    async logout(refreshToken) {
      const { rows } = await pool.query<{ userId: string }>(revoke, [sessionOf(refreshToken)]);
      const userId = rows[0]?.userId;
      if (userId === undefined) throw invalid();
      carrier.announce({ type: 'account', userId });
      return prisma.user.findUniqueOrThrow({ where: { id: userId } });
    },
    async revokeOthers(userId, keptId) {
      await pool.query(
        `UPDATE session SET revoked_at = now()
         WHERE user_id = $1 AND id IS DISTINCT FROM $2::uuid AND revoked_at IS NULL`,
        [userId, keptId],
      );
      carrier.announce({ type: 'account', userId });
    },
  };
}
