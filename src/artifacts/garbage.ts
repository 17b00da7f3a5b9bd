import type { Database } from '../database/index.ts';
import { IS_KEPT_ARTIFACT, IS_NAMED_ARTIFACT } from './named.ts';
import type { Storage } from './storage.ts';

export interface Garbage {
  /** Artifacts that nothing named. */
  readonly artifacts: number;
  /** Files that neither an artifact nor an open upload named. */
  readonly files: number;
}

const GROUP = 500;
/** An object store takes its time for each. */
const REMOVED_AT_ONCE = 16;

async function removeFiles(storage: Storage, files: readonly { readonly key: string }[]): Promise<void> {
  for (let at = 0; at < files.length; at += REMOVED_AT_ONCE) {
    await Promise.all(files.slice(at, at + REMOVED_AT_ONCE).map(({ key }) => storage.remove(key)));
  }
}

// The rows are locked before what names them is looked for, in a statement of its own and so with
// a newer snapshot: what names one by then is seen, and nothing can name it any more.
const lockOld = `
  SELECT id FROM artifact
  WHERE created_at < now() - make_interval(secs => $1)
    AND NOT ${IS_NAMED_ARTIFACT}
  LIMIT ${GROUP} FOR UPDATE SKIP LOCKED`;

const deleteUnnamed = `
  DELETE FROM artifact
  WHERE id = ANY ($1) AND NOT ${IS_NAMED_ARTIFACT}
  RETURNING storage_key AS key`;

const selectKnown = `
  SELECT storage_key AS key FROM artifact WHERE storage_key = ANY ($1)
  UNION ALL SELECT storage_key FROM upload WHERE storage_key = ANY ($1)`;

const deleteGiven = `
  DELETE FROM artifact WHERE id = ANY ($1) AND NOT ${IS_KEPT_ARTIFACT} RETURNING storage_key AS key`;

const lockAll = 'SELECT id FROM artifact WHERE id = ANY ($1) ORDER BY id FOR UPDATE';

/** Removes those of the artifacts that nothing names but a preview, and then their files. */
export async function removeArtifacts(
  database: Database,
  storage: Storage,
  ids: readonly string[],
): Promise<void> {
  const keys = await database.lanes.transact(async (tx) => {
    void tx.query(lockAll, [ids]);
    return tx.query<{ key: string }>(deleteGiven, [ids]);
  });
  await removeFiles(storage, keys);
}

interface Bounds {
  readonly graceMs: number;
  /** Ends the collection early. */
  readonly signal?: AbortSignal | undefined;
}

async function removeUnnamed(
  database: Database,
  storage: Storage,
  { graceMs, signal }: Bounds,
): Promise<number> {
  let removed = 0;
  while (!signal?.aborted) {
    const keys = await database.lanes.transact(async (tx) => {
      const old = await tx.query<{ id: string }>(lockOld, [graceMs / 1000]);
      if (old.length === 0) return [];
      return tx.query<{ key: string }>(deleteUnnamed, [old.map(({ id }) => id)]);
    });
    // The rows are gone for good by now; a file that is left over is found as an orphan.
    await removeFiles(storage, keys);
    removed += keys.length;
    if (keys.length === 0) break;
  }
  return removed;
}

async function removeOrphans(
  database: Database,
  storage: Storage,
  { graceMs, signal }: Bounds,
): Promise<number> {
  const before = Date.now() - graceMs;
  let removed = 0;
  let keys: string[] = [];

  async function removeUnknown(): Promise<void> {
    const { rows } = await database.pool.query<{ key: string }>(selectKnown, [keys]);
    const known = new Set(rows.map(({ key }) => key));
    const unknown = keys.filter((key) => !known.has(key)).map((key) => ({ key }));
    await removeFiles(storage, unknown);
    removed += unknown.length;
    keys = [];
  }

  for await (const { key, modifiedAt } of storage.list()) {
    if (signal?.aborted) return removed;
    if (modifiedAt.getTime() < before) keys.push(key);
    if (keys.length >= GROUP) await removeUnknown();
  }
  await removeUnknown();
  return removed;
}

/** Removes what nothing names and is older than the grace: rows with their files, then files without a row. */
export async function collectGarbage(database: Database, storage: Storage, bounds: Bounds): Promise<Garbage> {
  return {
    artifacts: await removeUnnamed(database, storage, bounds),
    files: await removeOrphans(database, storage, bounds),
  };
}
