import pg from 'pg';
import { connectionConfig } from '../database/index.ts';
import { randomId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Announcement, Carrier, Resync } from './announcement.ts';
import { createLater } from './later.ts';
import { createListener } from './listener.ts';
import { createSender } from './sender.ts';
import { decodeMessage } from './wire.ts';

/** A connection that does not answer for so long is given up. */
const QUERY_TIMEOUT_MS = 5_000;

interface CarrierOptions {
  readonly url: string;
  readonly log: Log;
}

/**
 * Carries announcements over PostgreSQL's NOTIFY, on two connections of its own. It connects by itself, and
 * again whenever a connection is lost; each time it has begun to listen it says `resync`.
 */
export function createCarrier({ url, log }: CarrierOptions): Carrier {
  const origin = randomId();
  const hearers = new Set<(heard: Announcement | Resync) => void>();
  let closed = false;

  function tell(heard: Announcement | Resync): void {
    for (const hear of hearers) {
      try {
        hear(heard);
      } catch (error) {
        log.error({ err: error, heard }, 'a listener failed');
      }
    }
  }

  function receive(payload: string): void {
    const message = decodeMessage(payload);
    if (message.origin === origin) return;
    if (message.announcements === 'many') tell({ type: 'resync' });
    else for (const announcement of message.announcements) tell(announcement);
  }

  const connect = async (name: string): Promise<pg.Client> => {
    const client = new pg.Client({ ...connectionConfig({ url, name }), query_timeout: QUERY_TIMEOUT_MS });
    client.on('error', (error) => log.warn({ err: error, connection: name }, 'database connection lost'));
    await client.connect();
    return client;
  };
  const listener = createListener({
    connect: () => connect('switchyard-listen'),
    receive,
    listening: () => tell({ type: 'resync' }),
    log,
  });
  const sender = createSender({ connect: () => connect('switchyard-notify'), origin, log });

  function announce(announcement: Announcement): void {
    tell(announcement);
    sender.add(announcement);
  }

  const later = createLater(announce);

  return {
    announce(announcement, afterMs = 0) {
      if (closed) return;
      if (afterMs > 0) later.add(announcement, afterMs);
      else announce(announcement);
    },
    listen(hear) {
      // Wrapped: the same function may listen twice.
      const own = (heard: Announcement | Resync): void => hear(heard);
      hearers.add(own);
      return () => void hearers.delete(own);
    },
    async close() {
      if (closed) return;
      closed = true;
      later.close();
      await Promise.all([listener.close(), sender.close()]);
      hearers.clear();
    },
  };
}
