import type { TierLimits } from '../accounts/index.ts';
import { askStored, isFull, storageExceeded } from '../artifacts/index.ts';
import { type TokenGrant, type Transaction, takeTokens } from '../database/index.ts';
import { IdempotencyConflictError, QueueFullError, QuotaExceededError, RateLimitedError } from '../errors.ts';
import type { QueueRow } from '../queue/index.ts';
import type { Core } from './core.ts';
import { type Counts, countTasks, noCounts } from './counts.ts';
import type { Submission, Submitted } from './types.ts';

/** A submission on its way into the database. */
export interface Entry {
  /** Fixed at first: a group that is written again after an uncertain commit makes no second task. */
  readonly taskId: string;
  readonly submission: Submission;
  readonly queue: QueueRow;
  readonly limits: TierLimits;
  /** Of the URL that it names. */
  readonly webhookId?: string;
}

/** What is needed to find a replay. */
export type Keyed = Pick<Entry, 'taskId' | 'submission'>;

export type Verdict = { readonly submitted: Submitted } | { readonly error: unknown };

/** How long a full queue asks to be left alone. */
const QUEUE_FULL_RETRY_MS = 5_000;

const selectByKey = `
  SELECT t.id AS "taskId", t.user_id AS "userId", t.idempotency_key AS key, d.input_hash AS "inputHash"
  FROM unnest($1::uuid[], $2::text[]) AS k (user_id, key)
  JOIN task t ON t.user_id = k.user_id AND t.idempotency_key = k.key JOIN task_data d ON d.task_id = t.id`;

interface KeyRow {
  readonly [column: string]: unknown;
  readonly taskId: string;
  readonly userId: string;
  readonly key: string;
  readonly inputHash: Buffer | null;
}

const keyOf = (userId: string, key: string): string => `${userId} ${key}`;

/** What those of the entries come to whose keys have tasks already. */
export async function findByKey<K extends Keyed>(
  tx: Pick<Transaction, 'query'>,
  entries: readonly K[],
): Promise<Map<K, Verdict>> {
  const keyed = entries.filter(({ submission }) => submission.idempotencyKey !== null);
  if (keyed.length === 0) return new Map();
  const rows = await tx.query<KeyRow>(selectByKey, [
    keyed.map(({ submission }) => submission.userId),
    keyed.map(({ submission }) => submission.idempotencyKey),
  ]);
  const found = new Map(rows.map((row) => [keyOf(row.userId, row.key), row]));
  const verdicts = new Map<K, Verdict>();
  for (const entry of keyed) {
    const { userId, idempotencyKey, inputHash } = entry.submission;
    const row = found.get(keyOf(userId, idempotencyKey ?? ''));
    if (row) verdicts.set(entry, sameAs(row, entry.taskId, inputHash));
  }
  return verdicts;
}

function sameAs({ taskId, inputHash }: KeyRow, ownId: string, hash: Uint8Array): Verdict {
  if (!inputHash?.equals(hash)) return { error: new IdempotencyConflictError(taskId) };
  return { submitted: { taskId, existing: taskId !== ownId } };
}

/** Counts down what is still allowed, by owner. */
class Allowance {
  readonly #left = new Map<string, number>();

  start(owner: string, left: number): void {
    this.#left.set(owner, left);
  }

  take(owner: string): boolean {
    const left = this.#left.get(owner) ?? Number.POSITIVE_INFINITY;
    this.#left.set(owner, left - 1);
    return left >= 1;
  }
}

/** One for each user of a group; whoever has several tiers within it, has had his tier changed just now. */
function byUser(entries: readonly Entry[]): Map<string, readonly Entry[]> {
  return Map.groupBy(entries, ({ submission }) => submission.userId);
}

interface Limited {
  readonly group: readonly Entry[];
  readonly rate: number;
}

/** Those whose tier has a rate, with what becomes of their wish for tokens. */
function askRates(tx: Transaction, entries: readonly Entry[], isWhole: boolean) {
  const limited = [...byUser(entries)].flatMap(([userId, group]) => {
    const { perSecond, burst } = group[0]?.limits ?? { perSecond: null, burst: 0 };
    return perSecond === null ? [] : [{ group, key: `submit:${userId}`, rate: perSecond, burst }];
  });
  const grants = takeTokens(
    tx,
    limited.map(({ group, key, rate, burst }) => ({ key, rate, burst, amount: group.length, isWhole })),
  );
  return { limited, grants };
}

function refuseRates(limited: readonly Limited[], grants: readonly TokenGrant[]): Map<Entry, Verdict> {
  const verdicts = new Map<Entry, Verdict>();
  for (const [n, { group, rate }] of limited.entries()) {
    const { granted = 0, retryAfterMs = 0 } = grants[n] ?? {};
    for (const entry of group.slice(granted)) {
      const message = `more than ${rate} submissions a second; the next is possible in ${retryAfterMs} ms`;
      verdicts.set(entry, { error: new RateLimitedError(message, retryAfterMs) });
    }
  }
  return verdicts;
}

function askCounts(tx: Transaction, entries: readonly Entry[]): Promise<Map<string, Counts>> {
  return countTasks(tx, [
    ...new Set(entries.map(({ queue }) => queue.id)),
    ...new Set(entries.map(({ submission }) => submission.userId)),
  ]);
}

/** Bytes of those whose tier limits them. */
function askStorage(tx: Transaction, entries: readonly Entry[]): Promise<ReadonlyMap<string, number>> {
  const limited = entries.filter(({ limits }) => limits.storageMb !== null);
  return askStored(tx, [...new Set(limited.map(({ submission }) => submission.userId))]);
}

/** What is made for a task is kept in any case: so nothing new is begun for whoever has stored too much. */
function withinStorage({ submission, limits }: Entry, stored: ReadonlyMap<string, number>): Error | null {
  const bytes = stored.get(submission.userId) ?? 0;
  if (limits.storageMb === null || !isFull(bytes, limits.storageMb)) return null;
  return storageExceeded(bytes, limits.storageMb);
}

function allowanceOf(
  entries: readonly Entry[],
  counts: ReadonlyMap<string, Counts>,
  capacity: number,
): Allowance {
  const waiting = (owner: string): number => {
    const { queued, scheduled } = counts.get(owner) ?? noCounts;
    return queued + scheduled;
  };
  const allowance = new Allowance();
  for (const { queue } of entries) allowance.start(queue.id, capacity - waiting(queue.id));
  for (const { submission, limits } of entries) {
    const { userId } = submission;
    if (limits.waiting !== null) allowance.start(userId, limits.waiting - waiting(userId));
  }
  return allowance;
}

function withinLimits({ submission, queue, limits }: Entry, allowance: Allowance): Error | null {
  if (limits.waiting !== null && !allowance.take(submission.userId)) {
    return new QuotaExceededError(
      `no more than ${limits.waiting} tasks may wait; cancel some, or submit again when some have started`,
      limits.waiting,
    );
  }
  if (allowance.take(queue.id)) return null;
  return new QueueFullError(
    `the queue of the model "${queue.model}" is full; submit again in ${QUEUE_FULL_RETRY_MS} ms`,
    QUEUE_FULL_RETRY_MS,
  );
}

/**
 * Decides which entries of a group need not, or may not, be written. A replay of an idempotency key is not
 * held against any limit. Nothing that others wait for is locked for longer than a round trip, and losing it
 * in a crash only gives a rate back: so this has a transaction of its own, beside the group's.
 * @param isWhole they are to be written all or none: then so are the tokens taken
 */
export async function admit(
  { database }: Core,
  entries: readonly Entry[],
  capacity: number,
  isWhole = false,
): Promise<Map<Entry, Verdict>> {
  const { verdicts, fresh, rates, counts, stored } = await database.lanes.transact(
    async (tx) => {
      const verdicts = await findByKey(tx, entries);
      const fresh = entries.filter((entry) => !verdicts.has(entry));
      // The answers are waited for behind the commit: all of it is one round trip.
      const rates = askRates(tx, fresh, isWhole);
      const counts = askCounts(tx, fresh);
      const stored = askStorage(tx, fresh);
      // What fails here fails the commit, too.
      for (const answer of [rates.grants, counts, stored]) answer.catch(() => undefined);
      return { verdicts, fresh, rates, counts, stored };
    },
    { durable: false },
  );
  const refused = refuseRates(rates.limited, await rates.grants);
  const allowance = allowanceOf(fresh, await counts, capacity);
  const storedBytes = await stored;
  for (const entry of fresh) {
    const error = refused.has(entry)
      ? null
      : (withinStorage(entry, storedBytes) ?? withinLimits(entry, allowance));
    const verdict = error ? { error } : refused.get(entry);
    if (verdict) verdicts.set(entry, verdict);
  }
  return verdicts;
}
