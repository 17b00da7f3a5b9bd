import type { Database } from '../database/index.ts';

export interface WebhookStats {
  /** Those that tasks name included. */
  readonly enabled: number;
  readonly disabled: number;
  /** Deliveries whose time has come, those under way included. */
  readonly due: number;
  /** Deliveries that failed and wait for their next attempt. */
  readonly retrying: number;
}

const select = `
  SELECT count(*) FILTER (WHERE enabled)::int AS enabled, count(*) FILTER (WHERE NOT enabled)::int AS disabled,
    (SELECT count(*)::int FROM webhook_delivery WHERE is_due AND next_attempt_at IS NOT NULL) AS due,
    (SELECT count(*)::int FROM webhook_delivery WHERE NOT is_due AND next_attempt_at IS NOT NULL) AS retrying
  FROM webhook`;

/** Of all users. */
export async function readWebhookStats({ pool }: Pick<Database, 'pool'>): Promise<WebhookStats> {
  const { rows } = await pool.query<WebhookStats>(select);
  return rows[0] ?? { enabled: 0, disabled: 0, due: 0, retrying: 0 };
}
