import type { Database, Webhook, WebhookDelivery } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';
import type { Log } from '../log.ts';
import type { UrlGuard } from '../urls/index.ts';
import { cleanWebhooks } from './cleanup.ts';
import { createDeliveries } from './deliveries.ts';
import { createRegistry, type NewWebhook, urlProblem } from './registry.ts';
import { createSender, type Sender, type SenderOptions } from './sender.ts';
import { readWebhookStats, type WebhookStats } from './stats.ts';

export { webhookOfTasks } from './endpoints.ts';
export { eventIdOf } from './message.ts';
export type { NewWebhook } from './registry.ts';

/** Tells the events of tasks to other servers: what is told is written by a trigger on the events themselves. */
export interface Webhooks {
  /** The secret is shown this once. @throws InvalidInputError, QuotaExceededError */
  create(userId: string, input: NewWebhook): Promise<{ webhook: Webhook; secret: string }>;
  /** Those that the user made, the newest first. */
  list(userId: string): Promise<Webhook[]>;
  /** Those that were disabled, the latest first; those that tasks name included. */
  disabled(userId: string, first: number): Promise<Webhook[]>;
  /** Those that the tasks themselves name, by the tasks' ids. */
  ofTasks(taskIds: readonly string[]): Promise<ReadonlyMap<string, Webhook>>;
  /** The log of each webhook, the latest first. */
  deliveries(
    webhookIds: readonly string[],
    first: number,
  ): Promise<ReadonlyMap<string, readonly WebhookDelivery[]>>;
  /** Nothing is sent any more, and the log is gone. @throws NotFoundError, also for another user's */
  remove(userId: string, id: string): Promise<void>;
  /**
   * A new secret; the one before signs beside it for a day.
   * @param webhookId null: what signs the requests to the URLs that tasks of the user name
   * @throws NotFoundError
   */
  rotateSecret(userId: string, webhookId: string | null): Promise<string>;
  /**
   * Sends it again at once, though the webhook be disabled: if it gets through, it is enabled. One that is still to be
   * sent is not doubled. @throws NotFoundError
   */
  redeliver(userId: string, deliveryId: string): Promise<WebhookDelivery>;
  /** What is wrong with a URL that a task is to name; null where nothing is. */
  urlProblem(url: string): Promise<string | null>;
  /**
   * Sends what is due, beside other processes. Returns once the signal has aborted and what was under way has ended, or
   * was handed back after the grace: two seconds, or less.
   */
  send(signal: AbortSignal, graceMs?: number): Promise<void>;
  /** What is there, and what waits. */
  stats(): Promise<WebhookStats>;
  /** How the attempts of this process have ended so far. */
  readonly attempts: Sender['attempts'];
  /** Housekeeping, until the signal aborts: removes what the log keeps no longer, and what is of no more use. */
  clean(signal?: AbortSignal): Promise<void>;
}

export interface WebhooksOptions extends Omit<SenderOptions, 'database' | 'carrier' | 'guard' | 'log'> {
  readonly database: Database;
  readonly carrier: Pick<Carrier, 'listen'>;
  readonly guard: UrlGuard;
  /** How long the log keeps what was delivered or given up. */
  readonly logDays: number;
  readonly log: Log;
}

export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { database, guard, log } = options;
  const sender = createSender(options);
  return {
    ...createRegistry(database, guard),
    ...createDeliveries(database),
    urlProblem: (url) => urlProblem(guard, url),
    send: sender.run,
    attempts: sender.attempts,
    stats: () => readWebhookStats(database),
    async clean(signal) {
      const removed = await cleanWebhooks(database, options.logDays, signal);
      log.debug(removed, 'webhooks cleaned');
    },
  };
}
