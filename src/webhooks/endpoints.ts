import type { Database } from '../database/index.ts';
import { newId } from '../ids.ts';
import { makeSecret } from './secrets.ts';

// A webhook that the user made for the URL is the one that tasks name with it. One that was disabled is tried again a day
// later: whoever submits a task with its URL still wants to be told.
const find = `
  SELECT id FROM webhook
  WHERE user_id = $1 AND url = $2 AND (NOT for_tasks AND enabled
    OR for_tasks AND used_at > now() - interval '1 hour' AND (enabled OR disabled_at > now() - interval '1 day'))
  ORDER BY for_tasks, id LIMIT 1`;

const make = `
  WITH secret AS (
    INSERT INTO webhook_secret (owner_id, secret) VALUES ($2, $4) ON CONFLICT DO NOTHING
  )
  INSERT INTO webhook AS w (id, user_id, url, for_tasks) VALUES ($1, $2, $3, true)
  ON CONFLICT (user_id, url) WHERE for_tasks DO UPDATE SET used_at = now() RETURNING id`;

const enableAgain = `
  UPDATE webhook SET enabled = true, disabled_at = NULL, disabled_reason = NULL, failures = 0, failing_since = NULL,
    resting_until = NULL
  WHERE id = $1 AND disabled_at <= now() - interval '1 day'`;

/** The webhook for a URL that a task of the user names: a row id. It is made where there is none. */
export async function webhookOfTasks(
  { pool }: Pick<Database, 'pool'>,
  { userId, url }: { readonly userId: string; readonly url: string },
): Promise<string> {
  const found = await pool.query<{ id: string }>(find, [userId, url]);
  if (found.rows[0]) return found.rows[0].id;
  const { rows } = await pool.query<{ id: string }>(make, [newId(), userId, url, makeSecret()]);
  const [webhook] = rows;
  if (!webhook) throw new Error('a webhook was neither found nor made');
  await pool.query(enableAgain, [webhook.id]);
  return webhook.id;
}
