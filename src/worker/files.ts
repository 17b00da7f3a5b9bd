import type { MadeFile } from '../nodes/index.ts';

/** What was made, with an artifact's id in the place of each file. */
export interface Stored {
  readonly result: unknown;
  readonly artifactIds: readonly string[];
}

function isMadeFile(value: object): value is MadeFile {
  return 'bytes' in value && value.bytes instanceof Uint8Array && 'mimeType' in value;
}

/**
 * Stores every file in what a protocol made, wherever it stands in it, one after the other.
 * @param save answers the artifact's id
 */
export async function storeFiles(made: unknown, save: (file: MadeFile) => Promise<string>): Promise<Stored> {
  const artifactIds: string[] = [];

  async function replace(value: unknown): Promise<unknown> {
    if (typeof value !== 'object' || value === null) return value;
    if (isMadeFile(value)) {
      const id = await save(value);
      artifactIds.push(id);
      return id;
    }
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const item of value) items.push(await replace(item));
      return items;
    }
    const entries: [string, unknown][] = [];
    for (const [name, field] of Object.entries(value)) entries.push([name, await replace(field)]);
    return Object.fromEntries(entries);
  }

  return { result: await replace(made), artifactIds };
}
