import type { Database } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';
import type { Log } from '../log.ts';
import type { UrlGuard } from '../urls/index.ts';
import { createWaker } from '../waker.ts';
import { within } from '../within.ts';
import { bodyOf, eventIdOf } from './message.ts';
import { type Claimed, createOutbox } from './outbox.ts';
import { type Outcome, post } from './post.ts';
import { DOWN_AFTER, restMs, retryDelayMs } from './schedule.ts';
import { signatureHeaders } from './secrets.ts';

export interface SenderOptions {
  readonly database: Database;
  readonly carrier: Pick<Carrier, 'listen'>;
  readonly guard: UrlGuard;
  readonly log: Log;
  /** For one attempt as a whole, in milliseconds: 15 seconds. */
  readonly timeoutMs?: number;
  /** Requests at once: 128. */
  readonly concurrency?: number;
}

const TIMEOUT_MS = 15_000;
const CONCURRENCY = 128;
/** In all processes. */
const PER_WEBHOOK = 8;
/** So that nobody takes all places of a process with receivers that hang. */
const PER_USER = 64;
/** Beyond the time of an attempt, for what is written at its end. */
const LEASE_MARGIN_MS = 15_000;
/** Retries fall due without anybody announcing it. */
const BACKSTOP_MS = 1_000;
/** What wakes comes in bursts: so seldom is asked at most. */
const MIN_PAUSE_MS = 10;
/** So long after a task has changed is asked: its next step, such as its start, comes first. */
const GATHER_MS = 25;
/** For what is under way when the process stops, at most. */
const GRACE_MS = 2_000;

/** How attempts ended: `failed` ones are made again, those `given_up` are not. */
export type AttemptOutcome = 'delivered' | 'failed' | 'given_up';

/** Sends what is due, beside the senders of other processes. */
export interface Sender {
  /** How the attempts of this process have ended so far. */
  readonly attempts: Readonly<Record<AttemptOutcome, number>>;
  /**
   * Returns once the signal has aborted and what was under way has ended; what has not within the grace, two seconds at
   * most, is handed back.
   */
  run(signal: AbortSignal, graceMs?: number): Promise<void>;
}

export function createSender(options: SenderOptions): Sender {
  const { database, carrier, guard, log, timeoutMs = TIMEOUT_MS, concurrency = CONCURRENCY } = options;
  const outbox = createOutbox(database);
  const waker = createWaker();
  const underWay = new Set<Promise<void>>();
  const ended = { delivered: 0, failed: 0, given_up: 0 };
  let down = 0;
  let wokenAt = Number.NEGATIVE_INFINITY;

  async function settle(claimed: Claimed, outcome: Outcome): Promise<void> {
    if (outcome.isDelivered) {
      await outbox.succeeded(claimed, outcome.status);
      ended.delivered++;
      return;
    }
    const { attempts, failures, webhookId, userId } = claimed;
    const { status, error, retryAfterMs } = outcome;
    const isGone = status === 410;
    const delayMs = retryDelayMs(attempts, { retryAfterMs, random: Math.random() });
    const reason = await outbox.failed(claimed, {
      ...{ status, error, isGone, delayMs },
      restMs: restMs(failures + 1, retryAfterMs),
    });
    ended[isGone || delayMs === null ? 'given_up' : 'failed']++;
    if (reason !== null) log.warn({ webhookId, userId, reason }, 'a webhook was disabled');
  }

  async function attempt(claimed: Claimed, signal: AbortSignal): Promise<void> {
    if (claimed.isForbidden) {
      await outbox.giveUp(claimed, 'not sent: the account is disabled');
      ended.given_up++;
      return;
    }
    const now = database.clock.now();
    const body = bodyOf(claimed);
    const headers = signatureHeaders({ id: eventIdOf(claimed), at: now, body }, claimed.secrets);
    let outcome: Outcome;
    try {
      outcome = await post(guard, { url: claimed.url, headers, body, timeoutMs, signal, now });
    } catch (error) {
      if (!signal.aborted) throw error;
      return outbox.handBack(claimed);
    }
    await settle(claimed, outcome);
  }

  function start(claimed: Claimed, signal: AbortSignal): void {
    const isDown = claimed.failures >= DOWN_AFTER;
    if (isDown) down++;
    const done = attempt(claimed, signal)
      .catch((error: unknown) => {
        // Its lease runs out by itself, and it is sent again.
        log.error({ err: error, deliveryId: claimed.id }, 'what became of a webhook could not be written');
      })
      .finally(() => {
        if (isDown) down--;
        underWay.delete(done);
        waker.wake();
      });
    underWay.add(done);
  }

  async function claim(): Promise<readonly Claimed[]> {
    const room = concurrency - underWay.size;
    if (room <= 0) return [];
    // Whoever is down never has more than half of the places.
    const roomForDown = Math.max(0, Math.min(room, Math.floor(concurrency / 2) - down));
    try {
      if (performance.now() - wokenAt >= BACKSTOP_MS) {
        wokenAt = performance.now();
        await outbox.wake();
      }
      const leaseMs = timeoutMs + LEASE_MARGIN_MS;
      const bounds = { perWebhook: PER_WEBHOOK, perUser: PER_USER };
      return await outbox.claim({ room, roomForDown, ...bounds, leaseMs });
    } catch (error) {
      log.warn({ err: error }, 'webhooks could not be claimed');
      return [];
    }
  }

  return {
    attempts: ended,
    async run(signal, graceMs = GRACE_MS) {
      const ending = new AbortController();
      let toldAt = Number.NEGATIVE_INFINITY;
      const deafen = carrier.listen(({ type }) => {
        if (type !== 'task' && type !== 'resync') return;
        toldAt = performance.now();
        waker.wake();
      });
      while (!signal.aborted) {
        const claimed = await claim();
        for (const one of claimed) start(one, ending.signal);
        const askedAt = performance.now();
        // Whatever ends wakes, too.
        await waker.wait(BACKSTOP_MS, signal);
        const gatheredAt = underWay.size === 0 ? toldAt + GATHER_MS : toldAt;
        const pause = Math.max(askedAt + MIN_PAUSE_MS, gatheredAt) - performance.now();
        if (pause > 0) await createWaker().wait(pause, signal);
      }
      deafen();
      if (!(await within(Math.min(graceMs, GRACE_MS), Promise.all(underWay)))) {
        ending.abort(new Error('the process stops'));
        await Promise.all(underWay);
      }
    },
  };
}
