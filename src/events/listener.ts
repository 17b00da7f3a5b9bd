import type pg from 'pg';
import type { Log } from '../log.ts';
import { createBackoff } from './backoff.ts';

/** Shared by every app on one database; PostgreSQL keeps databases apart. */
export const CHANNEL = 'switchyard';

export interface ListenerOptions {
  connect(): Promise<pg.Client>;
  receive(payload: string): void;
  /** Called each time that listening has begun: what was sent before it is lost. */
  listening(): void;
  readonly log: Log;
}

/** Keeps one connection listening until it is closed, however often that connection is lost. */
export function createListener({ connect, receive, listening, log }: ListenerOptions): {
  close(): Promise<void>;
} {
  const stopped = new AbortController();
  const backoff = createBackoff();
  let current: pg.Client | null = null;

  /** Resolves when the connection has ended. */
  async function listenOnce(): Promise<void> {
    const client = await connect();
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    try {
      current = client;
      client.on('notification', ({ payload }) => receive(payload ?? ''));
      await client.query(`LISTEN ${CHANNEL}`);
      if (stopped.signal.aborted) return;
      backoff.reset();
      listening();
      await ended;
    } finally {
      current = null;
      await client.end();
    }
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        await listenOnce();
      } catch (error) {
        if (!stopped.signal.aborted) log.warn({ err: error }, 'cannot listen to other processes');
      }
      if (!stopped.signal.aborted) await backoff.wait(stopped.signal);
    }
  }

  const running = run();
  return {
    async close() {
      stopped.abort();
      await current?.end();
      await running;
    },
  };
}
