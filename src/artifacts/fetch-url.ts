import { type Dispatcher, errors } from 'undici';
import { forbiddenCause, MAX_REDIRECTS, redirectOf, type UrlGuard } from '../urls/index.ts';
import { MediaUnavailableError } from './media-unavailable.ts';

export interface FetchedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As the server claims. */
  readonly contentType: string | undefined;
}

export interface FetchOptions {
  readonly guard: UrlGuard;
  readonly maxBytes: number;
  /** For everything together, redirects included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Statuses that may be others a moment later. */
const passing = new Set([408, 425, 429]);

type Answer = Dispatcher.ResponseData;

/** The last answer of a chain of redirects, each hop of it checked. */
async function follow(start: URL, guard: UrlGuard, signal: AbortSignal): Promise<Answer> {
  let url = start;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const dispatcher = await guard.dispatcherFor(url);
    const answer = await dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'GET',
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'switchyard' },
      signal,
    });
    // A body that is thrown away says so as an error; one that is read tells its errors to the reader too.
    answer.body.on('error', () => undefined);
    const next = redirectOf({ status: answer.statusCode, location: answer.headers.location }, url);
    if (next === null) return answer;
    answer.body.destroy();
    if (next === undefined) {
      throw new MediaUnavailableError('the URL redirects to something that is no URL', { retryable: false });
    }
    url = next;
  }
  throw new MediaUnavailableError(`the URL redirects more than ${MAX_REDIRECTS} times`, { retryable: false });
}

function assertGood({ statusCode }: Answer): void {
  if (statusCode >= 200 && statusCode < 300) return;
  const retryable = statusCode >= 500 || passing.has(statusCode);
  throw new MediaUnavailableError(`the URL's server answered with status ${statusCode}`, { retryable });
}

async function readBody({ body, headers }: Answer, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new MediaUnavailableError(`the file behind the URL is larger than the limit of ${maxBytes} bytes`, {
      retryable: false,
    });
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  if (size === 0) throw new MediaUnavailableError('the file behind the URL is empty', { retryable: false });
  return new Uint8Array(Buffer.concat(chunks));
}

/**
 * Fetches a file from a URL that a caller gave.
 * @throws MediaUnavailableError; the signal's reason where it was aborted
 */
export async function fetchUrl(url: string, options: FetchOptions): Promise<FetchedFile> {
  const { guard, maxBytes, timeoutMs, signal } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const both = AbortSignal.any([signal, timeout]);
  let answer: Answer | undefined;
  try {
    answer = await follow(new URL(url), guard, both);
    assertGood(answer);
    const bytes = await readBody(answer, maxBytes);
    const contentType = answer.headers['content-type'];
    return { bytes, contentType: typeof contentType === 'string' ? contentType : undefined };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MediaUnavailableError) throw error;
    const forbidden = forbiddenCause(error);
    if (forbidden) throw new MediaUnavailableError(forbidden.message, { retryable: false, cause: error });
    throw new MediaUnavailableError(reasonOf(error, timeout.aborted, timeoutMs), {
      retryable: true,
      cause: error,
    });
  } finally {
    answer?.body.destroy();
  }
}

function reasonOf(error: unknown, timedOut: boolean, timeoutMs: number): string {
  if (timedOut) return `the URL did not answer in full within ${timeoutMs / 1000} seconds`;
  if (error instanceof errors.ConnectTimeoutError) return "the URL's server cannot be reached";
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code ?? error.name)})` : '';
  return `the URL cannot be fetched${code}`;
}
