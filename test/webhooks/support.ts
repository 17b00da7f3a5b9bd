import { expect, vi } from 'vitest';
import type { WebhookDelivery } from '../../src/database/index.ts';
import { createUrlGuard } from '../../src/urls/index.ts';
import { createWebhooks, type NewWebhook, type Webhooks } from '../../src/webhooks/index.ts';
import { testLog } from '../support/log.ts';
import { claimOne, finish, openYard, submission, success, type Yard } from '../support/yard.ts';

/** For `until`: so many have been delivered. */
export const delivered = (count: number) => (deliveries: readonly { deliveredAt: Date | null }[]) =>
  expect(deliveries.filter(({ deliveredAt }) => deliveredAt !== null)).toHaveLength(count);

export interface HooksYard extends Yard {
  readonly webhooks: Webhooks;
  /** Another sender, as of another process. Returns what stops it. */
  send(options?: { timeoutMs?: number; graceMs?: number }): () => Promise<void>;
  /** A user with a webhook. */
  hook(url: string, input?: Partial<NewWebhook>): Promise<{ userId: string; id: string; secret: string }>;
  /** Submits a task, and cancels it at once: two events. */
  cancel(userId: string, webhookUrl?: string): Promise<string>;
  /** Submits a task and has it succeed: three events. */
  succeed(userId: string): Promise<string>;
  /** Of a webhook, the oldest first, once there are such. */
  until(webhookId: string, isSo: (deliveries: WebhookDelivery[]) => void): Promise<WebhookDelivery[]>;
  /**
   * Lets that much time pass for what a webhook has pending, and for the webhook.
   * @param isSeen whether somebody has seen by then what is due
   */
  pass(webhookId: string, interval: string, isSeen?: boolean): Promise<void>;
}

export async function openHooks(): Promise<HooksYard> {
  const yard = await openYard();
  const { database, carrier, sql } = yard;
  const guard = createUrlGuard({ allowHosts: ['127.0.0.0/8'] });
  const options = { database, carrier, guard, logDays: 14, log: testLog };
  const webhooks = createWebhooks(options);
  const stops: (() => Promise<void>)[] = [];
  const deliveries = (webhookId: string) =>
    database.prisma.webhookDelivery.findMany({ where: { webhookId }, orderBy: { id: 'asc' } });
  await yard.addNode();
  // What is asked of it waits.
  const away = await yard.addNode({ models: ['owl'] });
  await database.prisma.gpuNode.update({ where: { id: away }, data: { healthy: false } });
  return {
    ...yard,
    webhooks,
    send({ graceMs, ...changes } = {}) {
      const stopping = new AbortController();
      const sending = createWebhooks({ ...options, ...changes }).send(stopping.signal, graceMs);
      const stop = async (): Promise<void> => {
        stopping.abort();
        await sending;
      };
      stops.push(stop);
      return stop;
    },
    async hook(url, input = {}) {
      const userId = await yard.addUser();
      const { webhook, secret } = await webhooks.create(userId, { url, ...input });
      return { userId, id: webhook.id, secret };
    },
    async cancel(userId, webhookUrl) {
      const changes = webhookUrl === undefined ? {} : { webhookUrl };
      const { taskId } = await yard.tasks.submit(submission(userId, { model: 'owl', ...changes }), 'VIP');
      await yard.tasks.cancel(taskId);
      return taskId;
    },
    async succeed(userId) {
      const { taskId } = await yard.tasks.submit(submission(userId), 'VIP');
      // The lease of the yard's own worker may have run out on a busy machine.
      const workerId = await yard.tasks.join({ host: 'test', pid: process.pid, concurrency: 100 });
      await finish(yard.tasks, success(await claimOne({ ...yard, workerId })));
      return taskId;
    },
    async until(webhookId, isSo) {
      return vi.waitFor(
        async () => {
          const found = await deliveries(webhookId);
          isSo(found);
          return found;
        },
        { timeout: 15_000, interval: 20 },
      );
    },
    async pass(webhookId, interval, isSeen = true) {
      await sql(
        `UPDATE webhook_delivery SET next_attempt_at = next_attempt_at - $2::interval,
           lease_until = lease_until - $2::interval,
           is_due = is_due OR coalesce($3 AND next_attempt_at - $2::interval <= now(), false)
         WHERE webhook_id = $1`,
        [webhookId, interval, isSeen],
      );
      await sql(
        `UPDATE webhook SET resting_until = resting_until - $2::interval, failing_since = failing_since - $2::interval
         WHERE id = $1`,
        [webhookId, interval],
      );
      carrier.announce({ type: 'task', id: webhookId, userId: webhookId });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(stops.map((stop) => stop()));
      await guard.close();
      await yard[Symbol.asyncDispose]();
    },
  };
}
