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
  /** All of them or none. What is more than the bucket can hold is owed, once it is full. */
  readonly isWhole?: boolean;
}

export interface TokenGrant {
  readonly key: string;
  /** How many of the wanted tokens were taken: a whole number between 0 and the amount. */
  readonly granted: number;
  /** Until the bucket holds one token more than now, or enough for all; 0 where everything was granted. */
  readonly retryAfterMs: number;
}

// Before anything is taken, so that two first requests of one key wait for each other like any others.
const fill = `
  INSERT INTO token_bucket (key, tokens)
  SELECT key, burst FROM unnest($1::text[], $2::float8[]) AS w (key, burst) ORDER BY key
  ON CONFLICT (key) DO NOTHING`;

// The rows are locked in key order, and read as they are then.
const take = `
  WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::float8[], $3::float8[], $4::float8[], $5::boolean[])
    AS w (key, amount, rate, burst, whole)
  ), held AS MATERIALIZED (
    SELECT key, tokens, updated_at FROM token_bucket WHERE key = ANY ($1) ORDER BY key FOR UPDATE
  ), filled AS MATERIALIZED (
    SELECT wanted.*, coalesce(least(burst, tokens + rate * greatest(0, extract(epoch FROM
             clock_timestamp() - updated_at))), burst) AS tokens
    FROM wanted LEFT JOIN held USING (key)
  ), taken AS MATERIALIZED (
    SELECT *, CASE WHEN amount < 0 THEN amount
                   WHEN whole THEN CASE WHEN tokens >= least(amount, burst) THEN amount ELSE 0 END
                   ELSE floor(least(amount, greatest(0, tokens))) END AS granted
    FROM filled
  ), written AS (
    UPDATE token_bucket AS bucket SET tokens = taken.tokens - granted, updated_at = clock_timestamp()
    FROM taken WHERE taken.key = bucket.key
  )
  SELECT key, granted,
         CASE WHEN granted >= amount THEN 0
              ELSE ceil(1000 * (CASE WHEN whole THEN least(amount, burst) ELSE 1 END - (tokens - granted)) / rate)
              END AS "retryAfterMs"
  FROM taken`;

/**
 * Takes tokens from any number of buckets on the database's clock, each as far as it holds enough. Taken with
 * the transaction: a rollback gives them back.
 * @param db sends its statements in the order in which it was given them
 * @returns the grants, in the order of the requests
 */
export async function takeTokens(
  db: Pick<Transaction, 'query'>,
  requests: readonly TokenRequest[],
): Promise<TokenGrant[]> {
  if (requests.length === 0) return [];
  const keys = requests.map(({ key }) => key);
  const bursts = requests.map(({ burst }) => burst);
  const amounts = requests.map(({ amount }) => amount);
  const rates = requests.map(({ rate }) => rate);
  const wholes = requests.map(({ isWhole }) => isWhole ?? false);
  const [, rows] = await Promise.all([
    db.query(fill, [keys, bursts]),
    db.query<TokenGrant & Record<string, unknown>>(take, [keys, amounts, rates, bursts, wholes]),
  ]);
  const grants = new Map(rows.map(({ key, granted, retryAfterMs }) => [key, { key, granted, retryAfterMs }]));
  return requests.map(({ key }) => {
    const grant = grants.get(key);
    if (!grant) throw new Error(`no grant for the token bucket ${key}`);
    return grant;
  });
}
