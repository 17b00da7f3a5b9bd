import type { Tier, Transaction } from '../database/index.ts';
import { QuotaExceededError } from '../errors.ts';

/** What a user may store, in megabytes (10⁶ bytes); null: no limit. */
export type StorageLimits = Readonly<Record<Tier, number | null>>;

/** Something that takes a place in its user's storage. */
export interface Wanted {
  readonly id: string;
  readonly userId: string;
  readonly sizeBytes: number;
  /** What a node made for the user is kept whatever his limit is. */
  readonly overQuota: boolean;
}

const MEGABYTE = 1_000_000;

const ensure = `
  INSERT INTO user_storage (user_id) SELECT DISTINCT unnest($1::uuid[]) ORDER BY 1 ON CONFLICT DO NOTHING`;

const select = `
  SELECT user_id AS "userId", bytes::float8 AS bytes FROM user_storage WHERE user_id = ANY ($1)`;

const lock = `
  SELECT s.user_id AS "userId", s.bytes::float8 AS bytes, u.tier
  FROM user_storage s JOIN user_account u ON u.id = s.user_id
  WHERE s.user_id = ANY ($1) ORDER BY s.user_id FOR UPDATE OF s`;

interface StoredRow {
  readonly [column: string]: unknown;
  readonly userId: string;
  readonly bytes: number;
  readonly tier: Tier;
}

/** Bytes that the users have stored, by their ids, without waiting for whoever is storing something. */
export async function askStored(
  tx: Pick<Transaction, 'query'>,
  userIds: readonly string[],
): Promise<Map<string, number>> {
  if (userIds.length === 0) return new Map();
  const rows = await tx.query<{ userId: string; bytes: number }>(select, [userIds]);
  return new Map(rows.map(({ userId, bytes }) => [userId, bytes]));
}

/** Whether a user has stored as much as he may. */
export const isFull = (bytes: number, limitMb: number | null): boolean =>
  limitMb !== null && bytes >= limitMb * MEGABYTE;

const megabytes = (count: number): string => `${count.toLocaleString('en', { maximumFractionDigits: 2 })} MB`;

/**
 * What a user is told who has too much stored already, or would have.
 * @param more what he would add, in bytes
 */
export function storageExceeded(bytes: number, limitMb: number, more?: number): QuotaExceededError {
  // Rounded up, so that no file has 0 MB.
  const added = more === undefined ? '' : ` without this one of ${megabytes(Math.ceil(more / 10_000) / 100)}`;
  return new QuotaExceededError(
    `no more than ${megabytes(limitMb)} of files may be stored, and ${megabytes(bytes / MEGABYTE)} are${added}; ` +
      'delete tasks whose files are not needed any more',
    limitMb,
  );
}

/** What users have stored, by their ids. */
export type Stored = ReadonlyMap<string, { readonly bytes: number; readonly tier: Tier }>;

/**
 * Locks what the users have stored until the transaction ends, in the order of the users: nothing else may be locked
 * after it. The triggers on artifacts and uploads do the same.
 */
export async function lockStored(tx: Transaction, userIds: readonly string[]): Promise<Stored> {
  void tx.query(ensure, [userIds]);
  const rows = await tx.query<StoredRow>(lock, [userIds]);
  return new Map(rows.map((row) => [row.userId, row]));
}

/**
 * Decides who of the wanted has a place, in their order.
 * @returns the errors of those that have none, by id
 */
export function refuseOverQuota(
  stored: Stored,
  limits: StorageLimits,
  wanted: readonly Wanted[],
): Map<string, QuotaExceededError> {
  const refused = new Map<string, QuotaExceededError>();
  const added = new Map<string, number>();
  for (const { id, userId, sizeBytes, overQuota } of wanted) {
    const { bytes = 0, tier } = stored.get(userId) ?? {};
    const limitMb = tier === undefined ? null : limits[tier];
    const before = bytes + (added.get(userId) ?? 0);
    if (!overQuota && limitMb !== null && before + sizeBytes > limitMb * MEGABYTE) {
      refused.set(id, storageExceeded(before, limitMb, sizeBytes));
    } else {
      added.set(userId, before - bytes + sizeBytes);
    }
  }
  return refused;
}
