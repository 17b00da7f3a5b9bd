/** Which version of which task was told last; of the latest `limit` tasks only. */
export interface Recent {
  add(id: string, version: number): void;
  /** Whether that version, or a later one, was told. */
  has(id: string, version: number): boolean;
  clear(): void;
}

export function createRecent(limit: number): Recent {
  const versions = new Map<string, number>();
  return {
    add(id, version) {
      // Deleted first: a Map keeps the order of insertion, so its first entry is always the oldest.
      versions.delete(id);
      versions.set(id, version);
      if (versions.size <= limit) return;
      const [oldest] = versions.keys();
      if (oldest !== undefined) versions.delete(oldest);
    },
    has(id, version) {
      return (versions.get(id) ?? 0) >= version;
    },
    clear() {
      versions.clear();
    },
  };
}
