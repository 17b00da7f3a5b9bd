import { hash } from 'node:crypto';

type Replace = (key: string, value: unknown) => unknown;

/** JSON with its keys in order: the same for equal values however they were put together. */
function canonical(value: unknown, replace: Replace): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    const replaced = replace(key, inner);
    if (typeof replaced !== 'object' || replaced === null || Array.isArray(replaced)) return replaced;
    return Object.fromEntries(Object.entries(replaced).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** sha256 of a value in which artifacts stand for their bytes, not for themselves. */
export function hashOf(value: unknown, sha256: ReadonlyMap<string, string>): Uint8Array {
  const text = canonical(value, (key, inner) =>
    key === 'artifactId' && typeof inner === 'string' ? (sha256.get(inner) ?? inner) : inner,
  );
  return hash('sha256', text, 'buffer');
}
