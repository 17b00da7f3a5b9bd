import { createHash } from 'node:crypto';
import { Socket } from 'node:net';
import pg from 'pg';
import type { Log } from '../log.ts';
import { connectionConfig } from './pool.ts';

/** A transaction on a pipelined connection: statements are sent without waiting for each other's answers. */
export interface Transaction {
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** pg-boss's `db` option. */
  executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[]; rowCount: number }>;
  /** Which connection of the process this is: 0, 1, 2 … */
  readonly lane: number;
}

export interface TransactOptions {
  /** False: not waiting for the disk. A crash of PostgreSQL may lose the last of them. */
  readonly durable?: boolean;
}

export interface Lanes {
  /**
   * Runs `work` between BEGIN and COMMIT on a free lane and answers what it answers, once the commit is
   * durable. Deadlocks and serialization failures are repeated, so `work` must be repeatable. A statement
   * that failed rolls everything back, even where `work` did not wait for its answer; one that is sent after
   * `work` has ended is refused.
   * @throws what PostgreSQL or `work` threw; and where COMMIT answered ROLLBACK
   * @throws UncertainCommitError where the connection broke before COMMIT was answered
   */
  transact<T>(work: (tx: Transaction) => Promise<T>, options?: TransactOptions): Promise<T>;
  /** How many transactions can run at once. */
  readonly size: number;
  close(): Promise<void>;
}

const retryable = new Set(['40P01', '40001']);
const MAX_TRIES = 5;

/** pg-boss writes counts, and queues' names, into its texts; only so many of them are worth a name. */
const MAX_FOREIGN_NAMES = 500;

/** Names of prepared statements, by their texts: each connection plans what has one only once. */
interface StatementNames {
  own(text: string): string;
  /** Undefined where there are too many. */
  foreign(text: string): string | undefined;
}

function createStatementNames(): StatementNames {
  const names = new Map<string, string>();
  let foreign = 0;
  function own(text: string): string {
    const name = names.get(text) ?? createHash('sha1').update(text).digest('base64url');
    names.set(text, name);
    return name;
  }
  return {
    own,
    foreign(text) {
      if (!names.has(text) && ++foreign > MAX_FOREIGN_NAMES) return undefined;
      return own(text);
    },
  };
}

/** The connection broke before COMMIT was answered: nobody knows whether the transaction stands. */
export class UncertainCommitError extends Error {
  override readonly name = 'UncertainCommitError';

  constructor(cause: unknown) {
    super('the database connection was lost during a commit', { cause });
  }
}

/** Severity ERROR leaves the connection in order; anything else, and every lost connection, does not. */
const isCertain = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.severity === 'ERROR';

const IN_FAILED_TRANSACTION = '25P02';

/** Lets everything that is written to a socket in one turn go out together: a system call costs more than a query. */
class Gate {
  readonly socket = new Socket();
  #isHeld = false;

  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.socket.cork();
    process.nextTick(() => {
      this.#isHeld = false;
      this.socket.uncork();
    });
  }
}

interface Connection {
  readonly client: pg.Client;
  readonly gate: Gate;
}

class LaneTransaction implements Transaction {
  readonly lane: number;
  readonly #client: pg.Client;
  readonly #gate: Gate;
  readonly #names: StatementNames;
  #ended = false;
  #failure: Error | undefined;

  constructor({ client, gate }: Connection, lane: number, names: StatementNames) {
    this.#client = client;
    this.#gate = gate;
    this.lane = lane;
    this.#names = names;
  }

  async #send(query: pg.QueryConfig): Promise<pg.QueryResult> {
    this.#gate.hold();
    try {
      return await this.#client.query(query);
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  /** The answer of a statement may fail before, or without, anybody waiting for it: it counts at the end. */
  #sendNamed(
    name: string | undefined,
    text: string,
    values: readonly unknown[] | undefined,
  ): Promise<pg.QueryResult> {
    // Behind COMMIT it would run on its own, and in the midst of somebody else's transaction.
    if (this.#ended) return Promise.reject(new Error('a statement came after its transaction had ended'));
    const answer = this.#send({
      text,
      values: values as unknown[],
      ...(name === undefined ? {} : { name }),
    });
    answer.catch(() => undefined);
    return answer;
  }

  begin(durable: boolean): void {
    this.#send({ text: durable ? 'BEGIN' : 'BEGIN; SET LOCAL synchronous_commit = off' }).catch(
      () => undefined,
    );
  }

  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    const answer = this.#sendNamed(this.#names.own(text), text, values);
    const rows = answer.then((result) => result.rows as Row[]);
    rows.catch(() => undefined);
    return rows;
  }

  executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[]; rowCount: number }> {
    const answer = this.#sendNamed(this.#names.foreign(text), text, values);
    const result = answer.then(({ rows, rowCount }) => ({ rows, rowCount: rowCount ?? 0 }));
    result.catch(() => undefined);
    return result;
  }

  async commit(): Promise<void> {
    this.#ended = true;
    if (this.#failure) throw this.#failure;
    let command: string;
    try {
      ({ command } = await this.#client.query('COMMIT'));
    } catch (error) {
      throw isCertain(error) ? error : new UncertainCommitError(error);
    }
    // COMMIT of a transaction that has failed succeeds, and says ROLLBACK.
    if (command !== 'COMMIT')
      throw this.#failure ?? new Error(`the transaction was rolled back (${command})`);
  }

  async rollback(): Promise<void> {
    this.#ended = true;
    await this.#client.query('ROLLBACK');
  }

  /** What went wrong at first, where `error` only says that something had. */
  causeOf(error: unknown): unknown {
    const isEcho = error instanceof pg.DatabaseError && error.code === IN_FAILED_TRANSACTION;
    return isEcho ? (this.#failure ?? error) : error;
  }
}

class Lane {
  readonly #number: number;
  readonly #url: string;
  readonly #log: Log;
  readonly #names: StatementNames;
  #connection: Connection | null = null;

  constructor(number: number, { url, log, names }: { url: string; log: Log; names: StatementNames }) {
    this.#number = number;
    this.#url = url;
    this.#log = log;
    this.#names = names;
  }

  async #connected(): Promise<Connection> {
    if (this.#connection) return this.#connection;
    const gate = new Gate();
    const client = new pg.Client({
      ...connectionConfig({ url: this.#url, name: 'switchyard-lane', hot: true }),
      pipeline: true,
      stream: () => gate.socket,
    });
    client.on('error', (error) => {
      this.#log.warn({ err: error }, 'database connection lost');
      this.#forget(client);
    });
    client.on('end', () => this.#forget(client));
    await client.connect();
    this.#connection = { client, gate };
    return this.#connection;
  }

  #forget(client: pg.Client): void {
    if (this.#connection?.client === client) this.#connection = null;
  }

  async transact<T>(work: (tx: Transaction) => Promise<T>, durable: boolean): Promise<T> {
    const connection = await this.#connected();
    const tx = new LaneTransaction(connection, this.#number, this.#names);
    // Pipelined: `work` need not wait for BEGIN. A failed BEGIN fails the commit.
    tx.begin(durable);
    try {
      const value = await work(tx);
      await tx.commit();
      return value;
    } catch (error) {
      // Behind everything that was sent: what nobody waited for has been answered then.
      await tx.rollback().catch(() => this.#drop(connection.client));
      throw tx.causeOf(error);
    }
  }

  #drop(client: pg.Client): void {
    this.#forget(client);
    client.end().catch((error: unknown) => this.#log.debug({ err: error }, 'closing a broken connection'));
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await connection?.client.end();
  }
}

/** Dedicated, pipelined connections for the statements that decide how fast Switchyard is. */
export function createLanes(options: { url: string; size: number; log: Log }): Lanes {
  const { url, log } = options;
  const names = createStatementNames();
  const lanes = Array.from({ length: options.size }, (_, n) => new Lane(n, { url, log, names }));
  const free = [...lanes];
  const waiting: ((lane: Lane) => void)[] = [];
  const acquire = (): Promise<Lane> | Lane => free.pop() ?? new Promise((resolve) => waiting.push(resolve));
  const release = (lane: Lane): void => {
    const next = waiting.shift();
    if (next) next(lane);
    else free.push(lane);
  };

  async function transactOnce<T>(work: (tx: Transaction) => Promise<T>, durable: boolean): Promise<T> {
    const lane = await acquire();
    try {
      return await lane.transact(work, durable);
    } finally {
      release(lane);
    }
  }

  return {
    size: options.size,
    async transact(work, { durable = true } = {}) {
      for (let tries = 1; ; tries++) {
        try {
          return await transactOnce(work, durable);
        } catch (error) {
          const code = error instanceof pg.DatabaseError ? error.code : undefined;
          if (tries >= MAX_TRIES || code === undefined || !retryable.has(code)) throw error;
          options.log.warn({ err: error, tries }, 'transaction repeated');
        }
      }
    },
    async close() {
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}
