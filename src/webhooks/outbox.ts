import type { Database } from '../database/index.ts';
import type { Told } from './message.ts';
import { DOWN_AFTER, HOPELESS_MS, LASTING_MS } from './schedule.ts';

/** A delivery that this process has under way. */
export interface Claimed extends Told {
  readonly id: string;
  /** This one included; fences what is said about it. */
  readonly attempts: number;
  readonly webhookId: string;
  readonly userId: string;
  readonly url: string;
  /** Of the webhook: failures in a row before this. */
  readonly failures: number;
  readonly enabled: boolean;
  /** Whether its user may not do anything any more. */
  readonly isForbidden: boolean;
  readonly secrets: readonly Uint8Array[];
}

export interface ClaimOptions {
  /** How many at most. */
  readonly room: number;
  /** How many of them for receivers that are down. */
  readonly roomForDown: number;
  /** How many of one webhook are under way at once, in all processes. */
  readonly perWebhook: number;
  /** How many of one user are. */
  readonly perUser: number;
  readonly leaseMs: number;
}

export interface Failed {
  readonly status: number | null;
  readonly error: string;
  /** Until the next attempt; null: this was the last. */
  readonly delayMs: number | null;
  /** For how long nothing at all is sent there. */
  readonly restMs: number;
  /** It said that it wants nothing any more. */
  readonly isGone: boolean;
}

/** Of one webhook: what is under way, and what is next; what is asked for by hand comes before the rest. */
const LOOKED_AT = 32;

/** Retries that fall due at once; the rest follows a second later. */
const MAX_WOKEN = 1_000;

// From webhook to webhook by the index of what is due, so that a long backlog of one costs the others nothing. Of each
// the oldest that are due, up to what may be under way at once; each webhook's first comes before any other's second of
// the same user, and who has the least under way comes first among users.
const claim = `
  WITH RECURSIVE waiting AS (
    (SELECT webhook_id FROM webhook_delivery WHERE is_due AND next_attempt_at IS NOT NULL ORDER BY webhook_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.webhook_id FROM webhook_delivery d
            WHERE d.is_due AND d.next_attempt_at IS NOT NULL AND d.webhook_id > waiting.webhook_id ORDER BY d.webhook_id LIMIT 1)
    FROM waiting WHERE waiting.webhook_id IS NOT NULL
  ), hook AS (
    SELECT w.*, w.failures >= ${DOWN_AFTER} AS is_down, under_way.count AS under_way,
      sum(under_way.count) OVER (PARTITION BY w.user_id) AS of_user
    FROM waiting JOIN webhook w ON w.id = waiting.webhook_id CROSS JOIN LATERAL (
      SELECT count(*)::int FROM webhook_delivery
      WHERE webhook_id = w.id AND lease_until IS NOT NULL AND lease_until > now()
    ) under_way
  ), due AS (
    SELECT d.id, d.place, d.next_attempt_at, w.is_down,
      w.of_user + row_number() OVER (PARTITION BY w.user_id ORDER BY w.is_down, d.place, d.next_attempt_at) AS load
    FROM hook w CROSS JOIN LATERAL (
      SELECT p.*, row_number() OVER (ORDER BY p.next_attempt_at, p.id) AS place
      FROM (SELECT id, next_attempt_at FROM (
              SELECT id, next_attempt_at, lease_until, by_hand FROM webhook_delivery
              WHERE webhook_id = w.id AND is_due AND next_attempt_at <= now() ORDER BY next_attempt_at LIMIT ${LOOKED_AT}
            ) oldest
            WHERE (lease_until IS NULL OR lease_until <= now())
              AND (by_hand OR w.enabled AND (w.resting_until IS NULL OR w.resting_until <= now()))
            ORDER BY next_attempt_at
            LIMIT greatest(0, CASE WHEN w.is_down THEN 1 ELSE $3::int END - w.under_way)) p
    ) d
  ), chosen AS (
    SELECT id FROM (
      SELECT *, row_number() OVER (PARTITION BY is_down ORDER BY load, next_attempt_at) AS turn FROM due
      WHERE load <= $5::int
    ) ranked
    WHERE turn <= CASE WHEN is_down THEN $2::int ELSE $1::int END ORDER BY is_down, turn LIMIT $1::int
  ), free AS (
    SELECT d.id FROM webhook_delivery d JOIN chosen USING (id)
    WHERE d.next_attempt_at <= now() AND (d.lease_until IS NULL OR d.lease_until <= now())
    ORDER BY d.id FOR UPDATE OF d SKIP LOCKED
  ), taken AS (
    UPDATE webhook_delivery d SET attempts = attempts + 1, lease_until = now() + $4 * interval '1 ms'
    FROM free WHERE d.id = free.id RETURNING d.*
  )
  SELECT taken.id, taken.attempts, taken.webhook_id AS "webhookId", taken.type, taken.subject_id AS "subjectId",
    taken.version, taken.status, taken.attempt, taken.kind, taken.at, w.user_id AS "userId", w.url, w.failures, w.enabled,
    u.disabled AS "isForbidden",
    array_remove(ARRAY[s.secret, CASE WHEN s.previous_until > now() THEN s.previous END], NULL) AS secrets
  FROM taken JOIN webhook w ON w.id = taken.webhook_id JOIN user_account u ON u.id = w.user_id
  LEFT JOIN webhook_secret s ON s.owner_id = CASE WHEN w.for_tasks THEN w.user_id ELSE w.id END`;

const wake = `
  UPDATE webhook_delivery SET is_due = true WHERE id IN (
    SELECT id FROM webhook_delivery WHERE NOT is_due AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT ${MAX_WOKEN} FOR UPDATE SKIP LOCKED)`;

const heal = `
  UPDATE webhook SET failures = 0, failing_since = NULL, resting_until = NULL, enabled = true, disabled_at = NULL,
    disabled_reason = NULL
  WHERE id = $1 AND (failures > 0 OR NOT enabled)`;

const succeed = `
  UPDATE webhook_delivery SET delivered_at = now(), next_attempt_at = NULL, lease_until = NULL, response_status = $3,
    error = NULL
  WHERE id = $1 AND attempts = $2`;

// The webhook is locked first, as where it is deleted.
const fail = `
  WITH hook AS MATERIALIZED (
    SELECT id, enabled,
      enabled AND ($8::boolean OR coalesce(failing_since < now() - interval '1 ms' * CASE
        WHEN $6::float8 IS NULL THEN ${LASTING_MS}
        WHEN failures >= ${DOWN_AFTER} THEN ${HOPELESS_MS} END, false)) AS ends,
      CASE WHEN $8::boolean THEN 'it answered with status 410: it wants nothing any more'
           ELSE 'nothing could be delivered since ' || to_char(failing_since AT TIME ZONE 'UTC',
             'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ': ' || $5::text END AS reason
    FROM webhook WHERE id = $3 FOR NO KEY UPDATE
  ), failed AS (
    UPDATE webhook_delivery d SET is_due = false, lease_until = NULL, response_status = $4, error = $5,
      next_attempt_at = CASE WHEN hook.enabled AND NOT hook.ends THEN now() + $6::float8 * interval '1 ms' END
    FROM hook WHERE d.id = $1 AND d.attempts = $2 AND d.delivered_at IS NULL
    RETURNING hook.ends, hook.reason
  )
  UPDATE webhook w SET failures = w.failures + 1, failing_since = coalesce(w.failing_since, now()),
    resting_until = nullif(greatest(w.resting_until, now() + $7::float8 * interval '1 ms'), now()),
    enabled = w.enabled AND NOT failed.ends,
    disabled_at = CASE WHEN failed.ends THEN now() ELSE w.disabled_at END,
    disabled_reason = CASE WHEN failed.ends THEN failed.reason ELSE w.disabled_reason END
  FROM failed WHERE w.id = $3 RETURNING failed.ends AS "isDisabled", failed.reason`;

// Housekeeping does the rest.
const endPending = `
  UPDATE webhook_delivery SET next_attempt_at = NULL, error = coalesce(error, 'not sent: the webhook was disabled')
  WHERE id IN (
    SELECT id FROM webhook_delivery
    WHERE webhook_id = $1 AND next_attempt_at IS NOT NULL AND NOT by_hand
      AND (lease_until IS NULL OR lease_until <= now())
    LIMIT 1000 FOR UPDATE SKIP LOCKED)`;

// Its owner is told over what else he has.
const tellOthers = `
  INSERT INTO webhook_delivery (id, webhook_id, type, subject_id, at)
  SELECT new_row_id(), id, 'webhook.disabled', $1, now() FROM webhook
  WHERE user_id = $2 AND id <> $1 AND enabled AND NOT for_tasks AND events = '{}'`;

const giveUp = `
  UPDATE webhook_delivery SET next_attempt_at = NULL, lease_until = NULL, error = $3 WHERE id = $1 AND attempts = $2`;

const handBack = `
  UPDATE webhook_delivery SET attempts = attempts - 1, lease_until = NULL WHERE id = $1 AND attempts = $2`;

/** What is still to be sent, and what became of it; each that is claimed is one process's until its lease ends. */
export interface Outbox {
  /** Has retries whose time has come claimed. */
  wake(): Promise<void>;
  claim(options: ClaimOptions): Promise<Claimed[]>;
  /** A webhook that was disabled is enabled by it. */
  succeeded(claimed: Claimed, status: number): Promise<void>;
  /** Answers why the webhook was disabled by this; null where it was not. */
  failed(claimed: Claimed, failure: Failed): Promise<string | null>;
  /** It is not tried again. */
  giveUp(claimed: Claimed, error: string): Promise<void>;
  /** As if it had not been claimed. */
  handBack(claimed: Claimed): Promise<void>;
}

interface Ended {
  readonly [column: string]: unknown;
  readonly isDisabled: boolean;
  readonly reason: string | null;
}

export function createOutbox({ pool, lanes }: Pick<Database, 'pool' | 'lanes'>): Outbox {
  return {
    async wake() {
      await pool.query({ name: 'wake-webhooks', text: wake });
    },
    async claim({ room, roomForDown, perWebhook, perUser, leaseMs }) {
      const values = [room, roomForDown, perWebhook, leaseMs, perUser];
      return (
        await pool.query<Claimed & Record<string, unknown>>({ name: 'claim-webhooks', text: claim, values })
      ).rows;
    },
    async succeeded({ id, attempts, webhookId, failures, enabled }, status) {
      // First: what is lost in between is delivered again.
      if (failures > 0 || !enabled) await pool.query(heal, [webhookId]);
      await pool.query(succeed, [id, attempts, status]);
    },
    failed({ id, attempts, webhookId, userId }, { status, error, delayMs, restMs, isGone }) {
      return lanes.transact(async (tx) => {
        const values = [id, attempts, webhookId, status, error, delayMs, restMs, isGone];
        const [ended] = await tx.query<Ended>(fail, values);
        if (!ended?.isDisabled) return null;
        await tx.query(endPending, [webhookId]);
        await tx.query(tellOthers, [webhookId, userId]);
        return ended.reason;
      });
    },
    async giveUp({ id, attempts }, error) {
      await pool.query(giveUp, [id, attempts, error]);
    },
    async handBack({ id, attempts }) {
      await pool.query(handBack, [id, attempts]);
    },
  };
}
