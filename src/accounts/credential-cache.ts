import type { Viewer } from './access.ts';

export interface CredentialCache {
  /** What is known of the credential, or else what `load` finds. A failure is not remembered. */
  get(key: string, load: () => Promise<Viewer>): Promise<Viewer>;
  /** Everything known of a user's credentials, or of everybody's, is to be read again. */
  forget(userId: string | null): void;
}

interface Entry {
  readonly loaded: Promise<Viewer>;
  readonly loadedAt: number;
  /** Null until it is loaded. */
  userId: string | null;
}

/** Keeps credentials for `ttlMs`, the oldest of more than `max` no longer. Those who ask together, load once. */
export function createCredentialCache(options: { ttlMs: number; max: number }): CredentialCache {
  const entries = new Map<string, Entry>();

  function load(key: string, loader: () => Promise<Viewer>): Entry {
    const entry: Entry = { loaded: loader(), loadedAt: performance.now(), userId: null };
    entry.loaded.then(
      ({ userId }) => {
        entry.userId = userId;
      },
      () => {
        if (entries.get(key) === entry) entries.delete(key);
      },
    );
    entries.delete(key);
    entries.set(key, entry);
    if (entries.size > options.max) entries.delete(entries.keys().next().value ?? '');
    return entry;
  }

  return {
    get(key, loader) {
      const known = entries.get(key);
      if (known && performance.now() - known.loadedAt < options.ttlMs) return known.loaded;
      return load(key, loader).loaded;
    },
    forget(userId) {
      for (const [key, entry] of entries) {
        // One that is being loaded may have been read before the change.
        if (userId === null || entry.userId === null || entry.userId === userId) entries.delete(key);
      }
    },
  };
}
