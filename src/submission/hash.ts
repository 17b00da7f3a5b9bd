import { hash } from 'node:crypto';
import { encodeId } from '../ids.ts';

type Replace = (key: string, value: unknown) => unknown;

/** JSON with its keys in order: the same for equal values however they were put together. */
function canonical(value: unknown, replace: Replace): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    const replaced = replace(key, inner);
    if (typeof replaced !== 'object' || replaced === null || Array.isArray(replaced)) return replaced;
    return Object.fromEntries(Object.entries(replaced).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** What another task makes: for people, and told from the files of all others. */
export function nameOfTaskFile({
  taskId,
  index,
}: {
  readonly taskId: string;
  readonly index: number;
}): string {
  return `${encodeId('Task', taskId)} ${index}`;
}

const taskInName = /^task_[0-9a-z]{26}(?= \d+$)/;

/** An id, or a {@link nameOfTaskFile}, with what stands for the id; others as they are. */
export function withNames(text: string, nameOf: (id: string) => string | undefined): string {
  return nameOf(text) ?? text.replace(taskInName, (id) => nameOf(id) ?? id);
}

const KEYS: ReadonlySet<string> = new Set(['artifactId', 'taskId', 'name']);

/**
 * sha256 of a value in which artifacts stand for their bytes, and tasks of the same batch for what that calls them.
 * @param nameOf what stands for an id; undefined: itself
 */
export function hashOf(value: unknown, nameOf: (id: string) => string | undefined): Uint8Array {
  const text = canonical(value, (key, inner) =>
    KEYS.has(key) && typeof inner === 'string' ? withNames(inner, nameOf) : inner,
  );
  return hash('sha256', text, 'buffer');
}
