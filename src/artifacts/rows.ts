import {
  type Artifact,
  createBatcher,
  type Database,
  type Transaction,
  untilCertain,
} from '../database/index.ts';
import { lockStored, refuseOverQuota, type StorageLimits } from './quota.ts';

export type NewArtifact = Omit<Artifact, 'createdAt'> & { readonly overQuota: boolean };

/** Writes the rows of artifacts. */
export interface ArtifactRows {
  /**
   * Writes the row, durably once it resolves.
   * @throws QuotaExceededError; UncertainCommitError where nobody knows whether the row is there
   */
  write(row: NewArtifact): Promise<Artifact>;
}

const MAX_GROUP = 100;
const MAX_IN_FLIGHT = 2;

const insert = `
  INSERT INTO artifact (id, user_id, storage_key, mime_type, size_bytes, sha256, width, height, duration_seconds)
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[], $7::int[], $8::int[],
    $9::float8[])
  ON CONFLICT (id) DO NOTHING`;

const select = `
  SELECT id, user_id AS "userId", storage_key AS "storageKey", mime_type AS "mimeType", size_bytes AS "sizeBytes",
    sha256, width, height, duration_seconds AS "durationSeconds", created_at AS "createdAt"
  FROM artifact WHERE id = ANY ($1)`;

type Row = Artifact & { readonly [column: string]: unknown };

/** Those that exist, in no order. */
export function findArtifacts(tx: Transaction, ids: readonly string[]): Promise<Artifact[]> {
  return tx.query<Row>(select, [ids]);
}

/** Inserts those that are not there yet. Answers all that are there then. */
export function insertArtifacts(
  tx: Transaction,
  rows: readonly Omit<Artifact, 'createdAt'>[],
): Promise<Artifact[]> {
  const column = <K extends keyof Artifact>(name: Exclude<K, 'createdAt'>) => rows.map((row) => row[name]);
  void tx.query(insert, [
    column('id'),
    column('userId'),
    column('storageKey'),
    column('mimeType'),
    column('sizeBytes'),
    column('sha256'),
    column('width'),
    column('height'),
    column('durationSeconds'),
  ]);
  return findArtifacts(tx, column('id'));
}

/** Rows that are wanted at the same time are written together, each within its user's limit. */
export function createArtifactRows({ lanes }: Database, limits: StorageLimits): ArtifactRows {
  /** Without a limit to keep, the triggers lock what is stored, in the same order. */
  async function refuse(tx: Transaction, rows: readonly NewArtifact[]) {
    if (rows.every(({ overQuota }) => overQuota)) return new Map<string, Error>();
    const locking = lockStored(
      tx,
      rows.map(({ userId }) => userId),
    );
    locking.catch(() => undefined);
    // What a commit of which nobody knew has written has its place already.
    const known = await findArtifacts(
      tx,
      rows.map(({ id }) => id),
    );
    const there = new Set(known.map(({ id }) => id));
    const open = rows.filter(({ id }) => !there.has(id));
    return refuseOverQuota(await locking, limits, open);
  }

  async function writeGroup(tx: Transaction, rows: readonly NewArtifact[]): Promise<(Artifact | Error)[]> {
    const refused = await refuse(tx, rows);
    const written = await insertArtifacts(
      tx,
      rows.filter(({ id }) => !refused.has(id)),
    );
    const found = new Map(written.map((row) => [row.id, row]));
    return rows.map(
      ({ id }) => found.get(id) ?? refused.get(id) ?? new Error(`the row of artifact ${id} was not written`),
    );
  }

  const write = (rows: readonly NewArtifact[]) =>
    untilCertain(() => lanes.transact((tx) => writeGroup(tx, rows)));

  const batcher = createBatcher<NewArtifact, Artifact | Error>({
    maxSize: MAX_GROUP,
    maxInFlight: MAX_IN_FLIGHT,
    write,
  });
  return {
    async write(row) {
      const written = await batcher.add(row);
      if (written instanceof Error) throw written;
      return written;
    },
  };
}
