import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeClient } from './protocols/index.ts';

const WITHIN_MS = 500;
const TRIES = 3;

/**
 * Whether nothing listens at the node: a TCP connection is refused, or not answered, three times within half
 * a second. A node that is merely busy still accepts one.
 */
export async function isDead(client: NodeClient): Promise<boolean> {
  const ended = new AbortController();
  const { signal } = ended;
  // A process that stood still hears first what has come meanwhile.
  const timer = setTimeout(() => setImmediate(() => ended.abort()), WITHIN_MS);
  const tries = Array.from({ length: TRIES }, async (_, n) => {
    await sleep((n * WITHIN_MS) / TRIES, undefined, { signal });
    await client.reach(signal);
  });
  try {
    await Promise.any(tries);
    return false;
  } catch {
    // An AggregateError: no try came through, which is the answer.
    return true;
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
}
