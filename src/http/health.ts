import type { ServerResponse } from 'node:http';
import type { Database } from '../database/index.ts';
import type { Log } from '../log.ts';
import { within } from '../within.ts';

export interface Health {
  /** The process answers. */
  live(response: ServerResponse): void;
  /** The process can do its work: 200, or 503 and why not. */
  ready(response: ServerResponse): Promise<void>;
}

const TIMEOUT_MS = 2_000;

function answer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
    })
    .end(text);
}

async function reach({ pool }: Database): Promise<void> {
  const isReached = await within(TIMEOUT_MS, pool.query('SELECT 1'));
  if (!isReached) throw new Error(`no answer in ${TIMEOUT_MS} ms`);
}

export function createHealth(options: { database: Database; isDraining: () => boolean; log: Log }): Health {
  const { database, isDraining, log } = options;
  return {
    live: (response) => answer(response, 200, { status: 'ok', pid: process.pid }),
    async ready(response) {
      if (isDraining()) return answer(response, 503, { status: 'draining' });
      try {
        await reach(database);
        answer(response, 200, { status: 'ready' });
      } catch (error) {
        log.warn({ err: error }, 'not ready: the database cannot be reached');
        answer(response, 503, { status: 'database unreachable' });
      }
    },
  };
}
