import { createHmac, createSecretKey, hash, randomBytes } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import type { DatabaseClock } from '../database/index.ts';
import { RefusedError } from '../errors.ts';

export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
  readonly expiresAt: Date;
}

export interface AccessTokens {
  issue(userId: string, sessionId: string): Promise<{ token: string; expiresAt: Date }>;
  /** @throws RefusedError for a token that is not ours or has expired */
  verify(token: string): Promise<AccessClaims>;
}

const ISSUER = 'switchyard';
const LIFE_MS = 15 * 60_000;
const MAX_KNOWN = 10_000;

const expired = () =>
  new RefusedError('UNAUTHENTICATED', 'the access token has expired; refreshToken gives a new one');

/** Short-lived JWTs. A signature once found good is remembered, since each request bears the same one. */
export function createAccessTokens(secret: Uint8Array, clock: DatabaseClock): AccessTokens {
  const key = createSecretKey(secret);
  const known = new Map<string, AccessClaims>();

  async function verifySignature(token: string): Promise<AccessClaims> {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ['HS256'],
        issuer: ISSUER,
        audience: ISSUER,
        requiredClaims: ['sub', 'sid', 'exp'],
        currentDate: clock.now(),
      });
      return {
        userId: String(payload.sub),
        sessionId: String(payload.sid),
        expiresAt: new Date((payload.exp ?? 0) * 1000),
      };
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw expired();
      if (error instanceof errors.JOSEError) {
        throw new RefusedError('UNAUTHENTICATED', 'the access token is not valid; log in again');
      }
      throw error;
    }
  }

  return {
    async issue(userId, sessionId) {
      const seconds = Math.floor((clock.now().getTime() + LIFE_MS) / 1000);
      const token = await new SignJWT({ sid: sessionId })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(userId)
        .setIssuer(ISSUER)
        .setAudience(ISSUER)
        .setIssuedAt(clock.now())
        .setExpirationTime(seconds)
        .sign(key);
      return { token, expiresAt: new Date(seconds * 1000) };
    },
    async verify(token) {
      const remembered = known.get(token);
      if (remembered && remembered.expiresAt > clock.now()) return remembered;
      known.delete(token);
      const claims = await verifySignature(token);
      if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value ?? '');
      known.set(token, claims);
      return claims;
    },
  };
}

/** What is stored of a refresh token or an API key. They are random, so that a plain hash is enough. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

export function newRefreshToken(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * The refresh token that follows another. It follows from it, so that two requests that race with the same
 * token are given the same next one, which is nowhere stored.
 */
export function nextRefreshToken(secret: Uint8Array, token: string): string {
  return createHmac('sha256', secret).update(`refresh ${token}`).digest('base64url');
}

const PREFIX_LENGTH = 'sy_'.length + 8;

export function newApiKey(): string {
  return `sy_${randomBytes(4).toString('hex')}_${randomBytes(24).toString('hex')}`;
}

/** The part of an API key that its list shows. */
export function apiKeyPrefix(key: string): string {
  return key.startsWith('sy_') ? key.slice(0, PREFIX_LENGTH) : key.slice(0, 4);
}
