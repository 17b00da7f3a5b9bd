import { expect, test } from 'vitest';
import { createUrlSigner } from '../../src/artifacts/signed-url.ts';
import { encodeId, newId } from '../../src/ids.ts';

const hour = 3_600_000;

/** A signer whose clock stands where the test puts it. */
function signerAt(start: number, key = 1) {
  let now = start;
  const signer = createUrlSigner({
    signingKey: new Uint8Array(32).fill(key),
    publicUrl: 'https://switchyard.example/base',
    clock: { now: () => new Date(now), synchronize: async () => undefined },
  });
  return { ...signer, advance: (ms: number) => (now += ms) };
}

const noon = Date.UTC(2026, 5, 1, 12);

test('a URL is absolute, under the public one, and the same for up to an hour', () => {
  const signer = signerAt(noon + 60_000);
  const id = newId();
  const url = signer.sign(id);
  expect(url).toMatch(
    new RegExp(
      `^https://switchyard\\.example/base/artifacts/${encodeId('Artifact', id)}\\?expires=\\d+&signature=[\\w-]{43}$`,
    ),
  );
  signer.advance(hour - 120_000);
  expect(signer.sign(id)).toBe(url);
  signer.advance(120_000);
  expect(signer.sign(id)).not.toBe(url);
});

test('a URL is good for at least a day, and for less than an hour more', () => {
  const signer = signerAt(noon + 60_000);
  const id = newId();
  const url = new URL(signer.sign(id));
  signer.advance(24 * hour);
  expect(signer.verify(url)).toEqual({
    state: 'valid',
    artifactId: id,
    expiresAt: new Date(noon + 25 * hour),
  });
  signer.advance(hour);
  expect(signer.verify(url)).toEqual({ state: 'expired' });
});

test('a URL signed with another key, or for another artifact or time, is forged', () => {
  const signer = signerAt(noon);
  const url = signer.sign(newId());
  expect(signerAt(noon, 2).verify(new URL(url))).toEqual({ state: 'forged' });
  const other = new URL(url);
  other.pathname = new URL(signer.sign(newId())).pathname;
  expect(signer.verify(other)).toEqual({ state: 'forged' });
  const later = new URL(url);
  later.searchParams.set('expires', String(Number(later.searchParams.get('expires')) + 1));
  expect(signer.verify(later)).toEqual({ state: 'forged' });
});

test('a URL of something else is no URL of an artifact', () => {
  const { verify } = signerAt(noon);
  for (const path of ['/', '/artifacts/', '/artifacts/x', `/artifacts/${encodeId('Task', newId())}`]) {
    expect(verify(new URL(path, 'https://switchyard.example'))).toBe(null);
  }
});
