import pg from 'pg';

/** Seconds in which a cut-off or stuck process lets go of what it holds. */
const timeouts = {
  statement_timeout: 15_000,
  lock_timeout: 10_000,
  idle_in_transaction_session_timeout: 15_000,
  connectionTimeoutMillis: 5_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 5_000,
} as const;

const keepalives = '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3';

/**
 * pg-boss's fetch scans its whole table while that is small, unless an index is made to look cheap. The hot
 * statements are few and take arrays: planning them once is enough.
 */
const hotPlans = '-c random_page_cost=1.1 -c jit=off -c plan_cache_mode=force_generic_plan';

export interface ConnectionSettings {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly hot?: boolean;
}

/** What every connection of ours is opened with: bounded waits, keepalives, and a name. */
export function connectionConfig({ url, name, hot = false }: ConnectionSettings): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: name,
    options: hot ? `${keepalives} ${hotPlans}` : keepalives,
    ...timeouts,
  };
}

export function createPool(settings: ConnectionSettings & { max: number }): pg.Pool {
  return new pg.Pool({ ...connectionConfig(settings), max: settings.max });
}
