import { createHmac, timingSafeEqual } from 'node:crypto';
import type { DatabaseClock } from '../database/index.ts';
import { decodeId, encodeId } from '../ids.ts';

/** What a URL under `/artifacts/` comes to. */
export type VerifiedUrl =
  | { readonly state: 'valid'; readonly artifactId: string; readonly expiresAt: Date }
  | { readonly state: 'expired' | 'forged' };

export interface UrlSigner {
  /** Absolute. The same for the same artifact for a while, so that caches can keep it. */
  sign(artifactId: string): string;
  /** Null where the URL is not one of an artifact. */
  verify(url: URL): VerifiedUrl | null;
}

const LIFE_SECONDS = 24 * 3600;
/** A URL lives up to this much longer, and stays the same for as long. */
const ROUND_SECONDS = 3600;

export function createUrlSigner(options: {
  signingKey: Uint8Array;
  publicUrl: string | (() => string);
  clock: DatabaseClock;
}): UrlSigner {
  const { signingKey, publicUrl, clock } = options;
  const nowSeconds = () => clock.now().getTime() / 1000;
  const signature = (id: string, expires: string) =>
    createHmac('sha256', signingKey).update(`${id}\n${expires}`).digest('base64url');

  function isSignature(given: string, id: string, expires: string): boolean {
    const [a, b] = [Buffer.from(given), Buffer.from(signature(id, expires))];
    return a.length === b.length && timingSafeEqual(a, b);
  }

  return {
    sign(artifactId) {
      const id = encodeId('Artifact', artifactId);
      const expires = String(Math.ceil((nowSeconds() + LIFE_SECONDS) / ROUND_SECONDS) * ROUND_SECONDS);
      const base = typeof publicUrl === 'string' ? publicUrl : publicUrl();
      const url = new URL(`artifacts/${id}`, base.endsWith('/') ? base : `${base}/`);
      url.search = new URLSearchParams({ expires, signature: signature(id, expires) }).toString();
      return url.href;
    },
    verify(url) {
      const [, id] = /\/artifacts\/([^/]+)$/.exec(url.pathname) ?? [];
      const artifactId = id === undefined ? null : decodeId('Artifact', id);
      if (id === undefined || artifactId === null) return null;
      const expires = url.searchParams.get('expires') ?? '';
      if (!isSignature(url.searchParams.get('signature') ?? '', id, expires)) return { state: 'forged' };
      if (Number(expires) <= nowSeconds()) return { state: 'expired' };
      return { state: 'valid', artifactId, expiresAt: new Date(Number(expires) * 1000) };
    },
  };
}
