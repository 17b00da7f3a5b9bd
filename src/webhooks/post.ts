import type { Dispatcher } from 'undici';
import { forbiddenCause, type UrlGuard } from '../urls/index.ts';
import { parseRetryAfter } from './schedule.ts';

export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For everything together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly now: Date;
}

/** What became of a request. */
export type Outcome =
  | { readonly isDelivered: true; readonly status: number }
  | {
      readonly isDelivered: false;
      /** Null: it did not answer. */
      readonly status: number | null;
      readonly error: string;
      readonly retryAfterMs: number | null;
    };

/** Of an answer's body, so that its connection can be used again; a longer one, or a slow one, is cut off. */
const MAX_BODY_BYTES = 16 * 1024;
const MAX_BODY_MS = 1_000;

async function discard({ body }: Dispatcher.ResponseData): Promise<void> {
  // What is wrong with a body changes nothing any more.
  await body.dump({ limit: MAX_BODY_BYTES, signal: AbortSignal.timeout(MAX_BODY_MS) }).catch(() => undefined);
}

function reasonOf(error: unknown): string {
  const forbidden = forbiddenCause(error);
  if (forbidden) return forbidden.message;
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code ?? error.name)})` : '';
  return `it cannot be reached${code}`;
}

/**
 * Posts JSON to a webhook. Any status of 200 to 299 is a success, and nothing else: redirects are not followed.
 * @throws the signal's reason where it was aborted
 */
export async function post(guard: UrlGuard, request: Post): Promise<Outcome> {
  const { url: text, headers, body, timeoutMs, signal, now } = request;
  const timeout = AbortSignal.timeout(timeoutMs);
  const failed = (error: string): Outcome => ({
    isDelivered: false,
    status: null,
    error,
    retryAfterMs: null,
  });
  try {
    const url = new URL(text);
    const dispatcher = await guard.dispatcherFor(url);
    const answer = await dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'switchyard' },
      body,
      signal: AbortSignal.any([signal, timeout]),
    });
    await discard(answer);
    const status = answer.statusCode;
    if (status >= 200 && status < 300) return { isDelivered: true, status };
    const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], now);
    return { isDelivered: false, status, error: `it answered with status ${status}`, retryAfterMs };
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) return failed(`it did not answer within ${timeoutMs / 1000} seconds`);
    return failed(reasonOf(error));
  }
}
