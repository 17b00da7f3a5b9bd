import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import type pg from 'pg';
import type { Log } from '../log.ts';
import type { Announcement } from './announcement.ts';
import { createBackoff } from './backoff.ts';
import { CHANNEL } from './listener.ts';
import { announcementKey, encodeMessage } from './wire.ts';

/** NOTIFY takes a lock of the whole database at its commit: this seldom, it is free. */
const INTERVAL_MS = 5;
/** More than fits into a message anyway. */
const MAX_WAITING = 500;
const CLOSE_TIMEOUT_MS = 2_000;

export interface SenderOptions {
  connect(): Promise<pg.Client>;
  readonly origin: string;
  readonly log: Log;
}

export interface Sender {
  add(announcement: Announcement): void;
  /** Sends what is left, for at most 2 s. */
  close(): Promise<void>;
}

/** Sends the first announcement at once and those that follow together, at most one message every 5 ms. */
export function createSender({ connect, origin, log }: SenderOptions): Sender {
  const stopped = new AbortController();
  const backoff = createBackoff();
  let waiting = new Map<string, Announcement>();
  let many = false;
  let connection: pg.Client | null = null;
  let running: Promise<void> | null = null;

  async function connected(): Promise<pg.Client> {
    if (connection) return connection;
    const fresh = await connect();
    connection = fresh;
    fresh.once('end', () => {
      if (connection === fresh) connection = null;
    });
    // A lost notification costs a re-read; waiting for the disk would cost every one of them.
    await fresh.query('SET synchronous_commit = off');
    return fresh;
  }

  function drop(): void {
    connection?.end().catch((error: unknown) => log.debug({ err: error }, 'closing a broken connection'));
    connection = null;
  }

  async function send(): Promise<void> {
    const message = { origin, announcements: many ? ('many' as const) : [...waiting.values()] };
    waiting = new Map();
    many = false;
    try {
      const client = await connected();
      const values = [CHANNEL, encodeMessage(message)];
      await client.query({ name: 'notify', text: 'SELECT pg_notify($1, $2)', values });
      backoff.reset();
    } catch (error) {
      log.warn({ err: error }, 'cannot notify other processes');
      many = true;
      drop();
      await backoff.wait(stopped.signal);
    }
  }

  async function run(): Promise<void> {
    // What is announced in this same turn goes along.
    await turn();
    while (many || waiting.size > 0) {
      const next = performance.now() + INTERVAL_MS;
      await send();
      if (stopped.signal.aborted) break;
      // Timers count in whole milliseconds, and may fire a part of one too early.
      for (;;) {
        const left = next - performance.now();
        if (left <= 0) break;
        await pause(Math.ceil(left));
      }
    }
    running = null;
  }

  return {
    add(announcement) {
      if (!many) waiting.set(announcementKey(announcement), announcement);
      if (waiting.size > MAX_WAITING) {
        many = true;
        waiting = new Map();
      }
      running ??= run();
    },
    async close() {
      const timer = setTimeout(() => stopped.abort(), CLOSE_TIMEOUT_MS);
      await running;
      clearTimeout(timer);
      await connection?.end();
    },
  };
}
