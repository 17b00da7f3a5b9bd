import { createHash } from 'node:crypto';
import pg from 'pg';
import type { Log } from '../log.ts';
import { connectionConfig } from './pool.ts';

/** One statement; named by its text, so that each connection plans it once. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** A transaction on a pipelined connection: statements are sent without waiting for each other's answers. */
export interface Transaction {
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** pg-boss's `db` option. */
  executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[]; rowCount: number }>;
  /** Which connection of the process this is: 0, 1, 2 … */
  readonly lane: number;
}

export interface Lanes {
  /**
   * Runs `work` between BEGIN and COMMIT on a free lane and answers what it answers, once the commit is
   * durable. Deadlocks and serialization failures are repeated, so `work` must be repeatable.
   * @throws what PostgreSQL or `work` threw; and where COMMIT answered ROLLBACK
   */
  transact<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** How many transactions can run at once. */
  readonly size: number;
  close(): Promise<void>;
}

const retryable = new Set(['40P01', '40001']);
const MAX_TRIES = 5;

const names = new Map<string, string>();
/** pg-boss writes ids into some of its texts; only texts that come again are worth a name. */
const MAX_NAMES = 500;

function statementName(text: string): string | undefined {
  let name = names.get(text);
  if (name === undefined) {
    if (names.size >= MAX_NAMES) return undefined;
    name = createHash('sha1').update(text).digest('base64url');
    names.set(text, name);
  }
  return name;
}

class Lane implements Transaction {
  readonly lane: number;
  #client: pg.Client | null = null;
  readonly #url: string;
  readonly #log: Log;

  constructor(lane: number, url: string, log: Log) {
    this.lane = lane;
    this.#url = url;
    this.#log = log;
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client) return this.#client;
    const client = new pg.Client({
      ...connectionConfig({ url: this.#url, name: 'switchyard-lane', hot: true }),
      pipeline: true,
    });
    client.on('error', (error) => {
      this.#log.warn({ err: error }, 'database connection lost');
      if (this.#client === client) this.#client = null;
    });
    client.on('end', () => {
      if (this.#client === client) this.#client = null;
    });
    await client.connect();
    this.#client = client;
    return client;
  }

  async #send(text: string, values?: readonly unknown[]): Promise<pg.QueryResult> {
    const client = this.#client;
    if (!client) throw new Error('the database connection was lost in the middle of a transaction');
    const name = statementName(text);
    return client.query({ text, values: values as unknown[], ...(name === undefined ? {} : { name }) });
  }

  async query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    return (await this.#send(text, values)).rows;
  }

  async executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[]; rowCount: number }> {
    const { rows, rowCount } = await this.#send(text, values);
    return { rows, rowCount: rowCount ?? 0 };
  }

  async transact<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const client = await this.#connected();
    // Pipelined: `work` need not wait for BEGIN. A failed BEGIN fails everything after it.
    const begun = client.query('BEGIN');
    begun.catch(() => undefined);
    try {
      const value = await work(this);
      await begun;
      const { command } = await client.query('COMMIT');
      // COMMIT of a transaction that has failed succeeds, and says ROLLBACK.
      if (command !== 'COMMIT') throw new Error(`the transaction was rolled back (${command})`);
      return value;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => this.#drop(client));
      throw error;
    }
  }

  #drop(client: pg.Client): void {
    if (this.#client === client) this.#client = null;
    client.end().catch((error: unknown) => this.#log.debug({ err: error }, 'closing a broken connection'));
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }
}

/** Dedicated, pipelined connections for the statements that decide how fast Switchyard is. */
export function createLanes(options: { url: string; size: number; log: Log }): Lanes {
  const lanes = Array.from({ length: options.size }, (_, n) => new Lane(n, options.url, options.log));
  const free = [...lanes];
  const waiting: ((lane: Lane) => void)[] = [];
  const acquire = (): Promise<Lane> | Lane => free.pop() ?? new Promise((resolve) => waiting.push(resolve));
  const release = (lane: Lane): void => {
    const next = waiting.shift();
    if (next) next(lane);
    else free.push(lane);
  };

  async function transactOnce<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const lane = await acquire();
    try {
      return await lane.transact(work);
    } finally {
      release(lane);
    }
  }

  return {
    size: options.size,
    async transact(work) {
      for (let tries = 1; ; tries++) {
        try {
          return await transactOnce(work);
        } catch (error) {
          const code = error instanceof pg.DatabaseError ? error.code : undefined;
          if (tries >= MAX_TRIES || code === undefined || !retryable.has(code)) throw error;
          options.log.warn({ code, tries }, 'transaction repeated');
        }
      }
    },
    async close() {
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}
