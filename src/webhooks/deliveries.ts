import type { Database, WebhookDelivery } from '../database/index.ts';
import { NotFoundError } from '../errors.ts';

const latest = `
  SELECT d.* FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (
    SELECT id FROM webhook_delivery WHERE webhook_id = w.id ORDER BY id DESC LIMIT $2
  ) d`;

const lockOfDelivery = `
  SELECT w.id FROM webhook w JOIN webhook_delivery d ON d.webhook_id = w.id
  WHERE d.id = $1 AND w.user_id = $2 FOR NO KEY UPDATE OF w`;

// Ahead of what waits for the same webhook.
const dueAtOnce = `least(now(), (SELECT min(next_attempt_at) - interval '1 ms' FROM webhook_delivery
  WHERE webhook_id = given.webhook_id AND is_due AND next_attempt_at IS NOT NULL))`;

// The same event for the same webhook is under way at most once.
const hasten = `
  UPDATE webhook_delivery d SET by_hand = true, is_due = true,
    next_attempt_at = CASE WHEN d.next_attempt_at > now() THEN ${dueAtOnce} ELSE d.next_attempt_at END
  FROM webhook_delivery given
  WHERE given.id = $1 AND d.webhook_id = given.webhook_id AND d.next_attempt_at IS NOT NULL
    AND (d.subject_id, d.type, d.at) = (given.subject_id, given.type, given.at)
    AND d.version IS NOT DISTINCT FROM given.version
  RETURNING d.id`;

const repeat = `
  INSERT INTO webhook_delivery (id, webhook_id, type, subject_id, version, status, attempt, kind, at, by_hand,
    next_attempt_at)
  SELECT new_row_id(), webhook_id, type, subject_id, version, status, attempt, kind, at, true, ${dueAtOnce}
  FROM webhook_delivery given WHERE id = $1 RETURNING id`;

/** What users see of the log of their webhooks, and do with it. */
export function createDeliveries({ prisma, lanes, pool }: Pick<Database, 'prisma' | 'lanes' | 'pool'>) {
  const deliveryOf = (id: string): Promise<WebhookDelivery> =>
    prisma.webhookDelivery.findUniqueOrThrow({ where: { id } });

  return {
    async deliveries(
      webhookIds: readonly string[],
      first: number,
    ): Promise<ReadonlyMap<string, readonly WebhookDelivery[]>> {
      const { rows } = await pool.query<{ id: string }>(latest, [webhookIds, first]);
      const found = await prisma.webhookDelivery.findMany({
        where: { id: { in: rows.map(({ id }) => id) } },
        orderBy: { id: 'desc' },
      });
      return Map.groupBy(found, ({ webhookId }) => webhookId);
    },

    redeliver(userId: string, deliveryId: string): Promise<WebhookDelivery> {
      return lanes
        .transact(async (tx) => {
          const [webhook] = await tx.query(lockOfDelivery, [deliveryId, userId]);
          if (!webhook) throw new NotFoundError('no delivery of a webhook of yours has this id');
          const [hastened] = await tx.query<{ id: string }>(hasten, [deliveryId]);
          const [made] = hastened ? [hastened] : await tx.query<{ id: string }>(repeat, [deliveryId]);
          if (!made) throw new NotFoundError('the delivery was deleted in the meantime');
          return made.id;
        })
        .then(deliveryOf);
    },
  };
}
