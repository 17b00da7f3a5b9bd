const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Between one attempt and the next, as Standard Webhooks has them: 3 days and 3.5 hours together. */
const delays = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];

/** At most so much is added to a delay, so that what failed together does not come back together. */
const JITTER = 0.1;
/** The longest that a receiver may ask to be left alone. */
const MAX_RETRY_AFTER_MS = 24 * HOUR_MS;

/** Failures in a row after which a receiver is taken to be down: it gets one request at a time, with rests between. */
export const DOWN_AFTER = 5;
const MAX_REST_MS = MINUTE_MS;

/** A webhook that has failed for so long when a delivery is given up has failed lastingly. */
export const LASTING_MS = 72 * HOUR_MS;
/**
 * One that is down and has failed for so long has, whatever fails: longer than a delivery takes to be given up, and yet
 * none may be where more is to be told than one request at a time can.
 */
export const HOPELESS_MS = 84 * HOUR_MS;

export interface Failure {
  /** As the receiver asked for; null: it did not. */
  readonly retryAfterMs: number | null;
  /** From 0 to 1. */
  readonly random: number;
}

/**
 * How long after a failed attempt the next one may begin, in milliseconds; null: there is none.
 * @param attempts how many there were, this one included
 */
export function retryDelayMs(attempts: number, { retryAfterMs, random }: Failure): number | null {
  const delay = delays[attempts - 1];
  if (delay === undefined) return null;
  const asked = Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
  return Math.round(Math.max(delay, asked) * (1 + JITTER * random));
}

/**
 * For how long nothing more is sent to a receiver, in milliseconds.
 * @param failures in a row, this one included
 */
export function restMs(failures: number, retryAfterMs: number | null): number {
  const rest =
    failures < DOWN_AFTER ? 0 : Math.min(MAX_REST_MS, 5 * SECOND_MS * 2 ** (failures - DOWN_AFTER));
  return Math.max(rest, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
}

/** What a Retry-After header asks for, in milliseconds from now; null where it says nothing that can be understood. */
export function parseRetryAfter(header: unknown, now: Date): number | null {
  if (typeof header !== 'string') return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * SECOND_MS;
  const at = header.endsWith('GMT') ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}
