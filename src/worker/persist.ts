import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** SQLSTATE classes of what is wrong with the data or the statement, or too much: it will not get better. */
function isPermanent(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^(22|23|42|54)/.test(error.code)
  );
}

export interface PersistOptions {
  readonly gone: AbortSignal;
  readonly log: Log;
  /** Whether the same would not work in a moment; by default where the database says that it is wrong. */
  readonly isFinal?: (error: unknown) => boolean;
}

/**
 * Writes something that must not be lost, again and again while the database can't be reached.
 * @throws what `write` threw: at once where repeating would not help, or once `gone` has aborted
 */
export async function persist<T>(
  write: () => Promise<T>,
  { gone, log, isFinal = isPermanent }: PersistOptions,
): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await write();
    } catch (error) {
      if (gone.aborted || isFinal(error)) throw error;
      log.warn({ err: error }, 'a write failed, and is repeated');
      await sleep(pause, undefined, { signal: gone }).catch(() => undefined);
    }
  }
}
