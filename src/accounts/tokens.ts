import { createHmac, createSecretKey, hash, randomBytes, timingSafeEqual } from 'node:crypto';
// Not the whole of it, most of which is encryption: that takes three times as long to load.
import { JOSEError, JWTExpired } from 'jose/errors';
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
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
      if (error instanceof JWTExpired) throw expired();
      if (error instanceof JOSEError) {
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

const ID_BYTES = 16;
const NONCE_BYTES = 16;

function refreshToken(secret: Uint8Array, sessionId: Buffer, nonce: Buffer): string {
  const body = Buffer.concat([sessionId, nonce]);
  return Buffer.concat([body, signatureOf(secret, body)]).toString('base64url');
}

function signatureOf(secret: Uint8Array, body: Buffer): Buffer {
  return createHmac('sha256', secret).update('refresh token').update(body).digest();
}

/** The first refresh token of a session. It names the session and bears our signature. */
export function newRefreshToken(secret: Uint8Array, sessionId: string): string {
  return refreshToken(secret, Buffer.from(sessionId.replaceAll('-', ''), 'hex'), randomBytes(NONCE_BYTES));
}

/**
 * The refresh token that follows another of ours. It follows from it, so that two requests that race with the same
 * token are given the same next one, which is nowhere stored.
 */
export function nextRefreshToken(secret: Uint8Array, token: string): string {
  const sessionId = Buffer.from(token, 'base64url').subarray(0, ID_BYTES);
  const nonce = createHmac('sha256', secret).update(`after ${token}`).digest().subarray(0, NONCE_BYTES);
  return refreshToken(secret, sessionId, nonce);
}

/** The session that a refresh token was given out for, however long ago; null for one that never was. */
export function sessionOfRefreshToken(secret: Uint8Array, token: string): string | null {
  const bytes = Buffer.from(token, 'base64url');
  const body = bytes.subarray(0, ID_BYTES + NONCE_BYTES);
  const signature = signatureOf(secret, body);
  // Letters that do not count in base64 would make another token of the same bytes.
  if (bytes.toString('base64url') !== token) return null;
  if (bytes.length !== body.length + signature.length) return null;
  if (!timingSafeEqual(bytes.subarray(body.length), signature)) return null;
  const hex = body.toString('hex', 0, ID_BYTES);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const PREFIX_LENGTH = 'sy_'.length + 8;

export function newApiKey(): string {
  return `sy_${randomBytes(4).toString('hex')}_${randomBytes(24).toString('hex')}`;
}

/** The part of an API key that its list shows. */
export function apiKeyPrefix(key: string): string {
  return key.startsWith('sy_') ? key.slice(0, PREFIX_LENGTH) : key.slice(0, 4);
}
