import type { Database, TaskEventType, Webhook } from '../database/index.ts';
import { type InputIssue, InvalidInputError, NotFoundError, QuotaExceededError } from '../errors.ts';
import { newId } from '../ids.ts';
import { ForbiddenUrlError, type UrlGuard } from '../urls/index.ts';
import { makeSecret, shownSecret } from './secrets.ts';

export interface NewWebhook {
  readonly url: string;
  /** Left out: all, and those that may come. */
  readonly events?: readonly TaskEventType[] | null | undefined;
}

/** Of one user, those of tasks left out. */
const MAX_WEBHOOKS = 20;
const MAX_URL_LENGTH = 2_048;

const insert = `
  INSERT INTO webhook (id, user_id, url, events)
  SELECT $1, $2, $3, $4::task_event_type[]
  WHERE (SELECT count(*) FROM webhook WHERE user_id = $2 AND NOT for_tasks) < $5 RETURNING id`;

const insertSecret = 'INSERT INTO webhook_secret (owner_id, secret) VALUES ($1, $2)';

// What its requests were signed with signs beside it for a day.
const replaceSecret = `
  INSERT INTO webhook_secret AS s (owner_id, secret) VALUES ($1, $2)
  ON CONFLICT (owner_id) DO UPDATE SET secret = excluded.secret, previous = s.secret,
    previous_until = now() + interval '1 day'`;

// Without the webhook nothing is sent, and nobody sees the log: housekeeping removes the rest of it.
const removeLog = `
  DELETE FROM webhook_delivery WHERE id IN (
    SELECT id FROM webhook_delivery WHERE webhook_id = $1 LIMIT 1000 FOR UPDATE SKIP LOCKED)`;

/** Whatever is wrong with a URL of a webhook. */
export async function urlProblem(guard: Pick<UrlGuard, 'check'>, url: string): Promise<string | null> {
  if (url.length > MAX_URL_LENGTH)
    return `must have at most ${MAX_URL_LENGTH.toLocaleString('en')} characters`;
  try {
    await guard.check(new URL(url));
    return null;
  } catch (error) {
    if (error instanceof ForbiddenUrlError) return error.message;
    throw error;
  }
}

/** What users do with their webhooks. */
export function createRegistry(database: Database, guard: Pick<UrlGuard, 'check'>) {
  const { prisma, lanes, pool } = database;

  async function assertRight({ url, events }: NewWebhook): Promise<void> {
    const issues: InputIssue[] = [];
    const problem = await urlProblem(guard, url);
    if (problem !== null) issues.push({ path: 'url', message: problem });
    if (events?.length === 0) {
      issues.push({ path: 'events', message: 'must name at least one type; leave it out for all' });
    }
    if (issues.length > 0) throw new InvalidInputError(issues);
  }

  return {
    async create(userId: string, input: NewWebhook): Promise<{ webhook: Webhook; secret: string }> {
      await assertRight(input);
      const id = newId();
      const secret = makeSecret();
      await lanes.transact(async (tx) => {
        // One at a time for a user, so that the limit is exact.
        await tx.query('SELECT FROM user_account WHERE id = $1 FOR NO KEY UPDATE', [userId]);
        const events = `{${[...new Set(input.events)].join(',')}}`;
        const inserted = await tx.query(insert, [id, userId, input.url, events, MAX_WEBHOOKS]);
        if (inserted.length === 0) {
          const message = `a user has at most ${MAX_WEBHOOKS} webhooks; delete one first`;
          throw new QuotaExceededError(message, MAX_WEBHOOKS);
        }
        await tx.query(insertSecret, [id, secret]);
      });
      const webhook = await prisma.webhook.findUniqueOrThrow({ where: { id } });
      return { webhook, secret: shownSecret(secret) };
    },

    list: (userId: string): Promise<Webhook[]> =>
      prisma.webhook.findMany({ where: { userId, forTasks: false }, orderBy: { id: 'desc' } }),

    disabled: (userId: string, first: number): Promise<Webhook[]> =>
      prisma.webhook.findMany({
        where: { userId, enabled: false },
        orderBy: [{ disabledAt: 'desc' }, { id: 'desc' }],
        take: first,
      }),

    async ofTasks(taskIds: readonly string[]): Promise<ReadonlyMap<string, Webhook>> {
      const named = await prisma.taskWebhook.findMany({ where: { taskId: { in: [...taskIds] } } });
      const found = await prisma.webhook.findMany({
        where: { id: { in: named.map(({ webhookId }) => webhookId) } },
      });
      const byId = new Map(found.map((webhook) => [webhook.id, webhook]));
      return new Map(
        named.flatMap(({ taskId, webhookId }) => {
          const webhook = byId.get(webhookId);
          return webhook ? [[taskId, webhook] as const] : [];
        }),
      );
    },

    async remove(userId: string, id: string): Promise<void> {
      const isRemoved = await lanes.transact(async (tx) => {
        const removed = await tx.query('DELETE FROM webhook WHERE id = $1 AND user_id = $2 RETURNING id', [
          id,
          userId,
        ]);
        if (removed.length === 0) return false;
        await tx.query('DELETE FROM webhook_secret WHERE owner_id = $1', [id]);
        await tx.query(removeLog, [id]);
        return true;
      });
      if (!isRemoved) throw new NotFoundError('no webhook of yours has this id');
    },

    async rotateSecret(userId: string, webhookId: string | null): Promise<string> {
      if (webhookId !== null) {
        const own = await prisma.webhook.count({ where: { id: webhookId, userId, forTasks: false } });
        if (own === 0) throw new NotFoundError('no webhook of yours has this id');
      }
      const secret = makeSecret();
      await pool.query(replaceSecret, [webhookId ?? userId, secret]);
      return shownSecret(secret);
    },
  };
}
