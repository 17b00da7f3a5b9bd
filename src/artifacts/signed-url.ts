import { createHmac, timingSafeEqual } from 'node:crypto';
import type { DatabaseClock } from '../database/index.ts';
import { decodeId, encodeId } from '../ids.ts';

type NotValid = { readonly state: 'expired' | 'forged' };

/** What a URL under `/artifacts/` comes to. */
export type VerifiedUrl =
  | { readonly state: 'valid'; readonly artifactId: string; readonly expiresAt: Date }
  | NotValid;

/** What may be sent to a URL. */
export interface SignedUpload {
  readonly artifactId: string;
  readonly sizeBytes: number;
  readonly mimeType: string;
}

export type VerifiedUpload = ({ readonly state: 'valid' } & SignedUpload) | NotValid;

export interface UrlSigner {
  /** Absolute. The same for the same artifact for a while, so that caches can keep it. */
  sign(artifactId: string): string;
  /** Null where the URL is not one of an artifact. */
  verify(url: URL): VerifiedUrl | null;
  /** Absolute: where that many bytes of that type, and no others, can be sent with `PUT`. */
  signUpload(upload: SignedUpload, expiresAt: Date): string;
  /** Null where the URL is not one of an artifact. */
  verifyUpload(url: URL): VerifiedUpload | null;
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
  const signature = (...parts: readonly string[]) =>
    createHmac('sha256', signingKey).update(parts.join('\n')).digest('base64url');

  function urlOf(id: string, parameters: Readonly<Record<string, string>>): string {
    const base = typeof publicUrl === 'string' ? publicUrl : publicUrl();
    const url = new URL(`artifacts/${id}`, base.endsWith('/') ? base : `${base}/`);
    url.search = new URLSearchParams(parameters).toString();
    return url.href;
  }

  function idsOf(url: URL): { id: string; artifactId: string } | null {
    const [, id] = /\/artifacts\/([^/]+)$/.exec(url.pathname) ?? [];
    const artifactId = id === undefined ? null : decodeId('Artifact', id);
    return id === undefined || artifactId === null ? null : { id, artifactId };
  }

  /** What is wrong with a URL, if anything is. */
  function problemOf({ searchParams }: URL, signed: string, expires: string): NotValid | null {
    const [a, b] = [Buffer.from(searchParams.get('signature') ?? ''), Buffer.from(signed)];
    if (a.length !== b.length || !timingSafeEqual(a, b)) return { state: 'forged' };
    return Number(expires) <= nowSeconds() ? { state: 'expired' } : null;
  }

  return {
    sign(artifactId) {
      const id = encodeId('Artifact', artifactId);
      const expires = String(Math.ceil((nowSeconds() + LIFE_SECONDS) / ROUND_SECONDS) * ROUND_SECONDS);
      return urlOf(id, { expires, signature: signature(id, expires) });
    },
    verify(url) {
      const ids = idsOf(url);
      if (!ids) return null;
      const expires = url.searchParams.get('expires') ?? '';
      const problem = problemOf(url, signature(ids.id, expires), expires);
      const expiresAt = new Date(Number(expires) * 1000);
      return problem ?? { state: 'valid', artifactId: ids.artifactId, expiresAt };
    },
    signUpload({ artifactId, sizeBytes, mimeType }, expiresAt) {
      const id = encodeId('Artifact', artifactId);
      const [size, expires] = [String(sizeBytes), String(Math.floor(expiresAt.getTime() / 1000))];
      const signed = signature('PUT', id, expires, size, mimeType);
      return urlOf(id, { expires, size, type: mimeType, signature: signed });
    },
    verifyUpload(url) {
      const ids = idsOf(url);
      if (!ids) return null;
      const [expires, size, mimeType] = ['expires', 'size', 'type'].map(
        (name) => url.searchParams.get(name) ?? '',
      ) as [string, string, string];
      const problem = problemOf(url, signature('PUT', ids.id, expires, size, mimeType), expires);
      return problem ?? { state: 'valid', artifactId: ids.artifactId, sizeBytes: Number(size), mimeType };
    },
  };
}
