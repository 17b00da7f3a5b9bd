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

const KEYS: ReadonlySet<string> = new Set(['artifactId', 'taskId']);

/**
 * sha256 of a value in which artifacts stand for their bytes, and tasks of the same batch for what that calls them.
 * @param nameOf what stands for an id; undefined: itself
 */
export function hashOf(value: unknown, nameOf: (id: string) => string | undefined): Uint8Array {
  const text = canonical(value, (key, inner) =>
    KEYS.has(key) && typeof inner === 'string' ? (nameOf(inner) ?? inner) : inner,
  );
  return hash('sha256', text, 'buffer');
}
