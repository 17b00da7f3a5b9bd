import { SwitchyardError } from './errors.ts';

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

/** Resolves after `ms`; rejects with the signal's reason when it is aborted. */
function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}

/**
 * Waits before the next try: exponentially longer, up to 5 seconds, with jitter so that clients that failed
 * together do not come back together; never shorter than the server asked for.
 */
export function backOff(tried: number, error: unknown, signal?: AbortSignal): Promise<void> {
  const longest = Math.min(FIRST_DELAY_MS * 2 ** tried, LONGEST_DELAY_MS);
  const asked = error instanceof SwitchyardError ? (error.retryAfterMs ?? 0) : 0;
  return sleep(asked + (longest * (1 + Math.random())) / 2, signal);
}

export interface RetryOptions {
  readonly retries: number;
  readonly signal?: AbortSignal | undefined;
}

/** Repeats `work`, which must be safe to repeat, while it fails with something transient. */
export async function withRetries<T>(work: () => Promise<T>, { retries, signal }: RetryOptions): Promise<T> {
  for (let tried = 0; ; tried++) {
    try {
      return await work();
    } catch (error) {
      const again = error instanceof SwitchyardError && error.transient && tried < retries;
      if (!again) throw error;
      await backOff(tried, error, signal);
    }
  }
}
