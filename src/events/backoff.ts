import { setTimeout as pause } from 'node:timers/promises';

export interface Backoff {
  /** Waits longer each time, up to 5 s; comes back at once when `signal` is aborted. */
  wait(signal: AbortSignal): Promise<void>;
  /** All is well: the next wait is short again. */
  reset(): void;
}

const FIRST_MS = 50;
const LONGEST_MS = 5_000;

/** Growing pauses between tries, with jitter, so that ten processes don't return at the same moment. */
export function createBackoff(): Backoff {
  let next = FIRST_MS;
  return {
    async wait(signal) {
      const delay = next * (0.5 + Math.random() / 2);
      next = Math.min(next * 2, LONGEST_MS);
      await pause(delay, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    },
    reset() {
      next = FIRST_MS;
    },
  };
}

const MAX_TRIES = 10;

/**
 * Repeats a read while the database is away, for about 15 s: a stream should live through a restart.
 * @throws what the last try threw; what the first one threw once `signal` is aborted
 */
export async function patiently<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const backoff = createBackoff();
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      if (tries === MAX_TRIES || signal.aborted) throw error;
      await backoff.wait(signal);
    }
  }
}
