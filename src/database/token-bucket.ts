import type { Transaction } from './lanes.ts';

export interface TokenRequest {
  /** Whose bucket: `login:user:ann`. Each key at most once a call. */
  readonly key: string;
  /** How many tokens are wanted; a negative number gives that many back. */
  readonly amount: number;
  /** Tokens that flow in each second. */
  readonly rate: number;
  /** What the bucket holds; a new one is full. */
  readonly burst: number;
}

export interface TokenGrant {
  readonly key: string;
  /** How many of the wanted tokens were taken: a whole number between 0 and the amount. */
  readonly granted: number;
  /** Until the bucket holds one token more than now; 0 where everything was granted. */
  readonly retryAfterMs: number;
}

// The rows that exist are locked in key order, and read as they are then. Two first requests of one key may
// both find none: the later takes its tokens from what the earlier left, below zero if need be.
const take = `
  WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::float8[], $3::float8[], $4::float8[]) AS w (key, amount, rate, burst)
  ), held AS MATERIALIZED (
    SELECT key, tokens, updated_at FROM token_bucket WHERE key = ANY ($1) ORDER BY key FOR UPDATE
  ), filled AS MATERIALIZED (
    SELECT wanted.*, held.key IS NULL AS is_new,
           CASE WHEN held.key IS NULL THEN burst ELSE least(burst, tokens + rate * greatest(0, extract(epoch FROM
             clock_timestamp() - updated_at))) END AS tokens
    FROM wanted LEFT JOIN held USING (key)
  ), taken AS MATERIALIZED (
    SELECT *, CASE WHEN amount < 0 THEN amount ELSE floor(least(amount, greatest(0, tokens))) END AS granted
    FROM filled
  ), written AS (
    INSERT INTO token_bucket AS bucket (key, tokens, updated_at)
    SELECT key, tokens - granted, clock_timestamp() FROM taken ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
      tokens = (SELECT CASE WHEN is_new THEN bucket.tokens - granted ELSE excluded.tokens END
                FROM taken WHERE taken.key = bucket.key),
      updated_at = excluded.updated_at
  )
  SELECT key, granted,
         CASE WHEN granted >= amount THEN 0
              ELSE ceil(1000 * (1 - (tokens - granted)) / rate) END AS "retryAfterMs"
  FROM taken`;

/**
 * Takes tokens from any number of buckets on the database's clock, each as far as it holds enough, in one
 * statement. Taken with the transaction: a rollback gives them back.
 * @returns the grants, in the order of the requests
 */
export async function takeTokens(
  db: Pick<Transaction, 'query'>,
  requests: readonly TokenRequest[],
): Promise<TokenGrant[]> {
  if (requests.length === 0) return [];
  const rows = await db.query<TokenGrant & Record<string, unknown>>(take, [
    requests.map(({ key }) => key),
    requests.map(({ amount }) => amount),
    requests.map(({ rate }) => rate),
    requests.map(({ burst }) => burst),
  ]);
  const grants = new Map(rows.map(({ key, granted, retryAfterMs }) => [key, { key, granted, retryAfterMs }]));
  return requests.map(({ key }) => {
    const grant = grants.get(key);
    if (!grant) throw new Error(`no grant for the token bucket ${key}`);
    return grant;
  });
}
