import { refusal, SwitchyardError } from './errors.ts';
import type { TypedDocumentString } from './generated/operations.ts';
import { encodeMultipart } from './multipart.ts';

/** An access token or API key; a function is asked before each request and each connection. */
export type Token = string | (() => string | Promise<string>);

export async function authorization(token: Token | undefined): Promise<string | null> {
  const value = typeof token === 'function' ? await token() : token;
  return value === undefined || value === '' ? null : `Bearer ${value}`;
}

export interface HttpOptions {
  readonly url: string;
  readonly token: Token | undefined;
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
}

/** Sends one operation, once. */
export type Send = <Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
  signal?: AbortSignal,
) => Promise<Result>;

export function createHttp({ url, token, fetch, timeoutMs }: HttpOptions): Send {
  return async (document, variables, signal) => {
    const query = document.toString();
    const form = encodeMultipart(query, variables);
    const headers = new Headers({ accept: 'application/graphql-response+json, application/json' });
    const credential = await authorization(token);
    if (credential !== null) headers.set('authorization', credential);
    // Without a credential the server takes a form only with a header that no HTML form can send.
    if (form !== null) headers.set('x-graphql-yoga-csrf', '1');
    else headers.set('content-type', 'application/json');
    const body = form ?? JSON.stringify({ query, variables });
    return request(
      () => fetch(url, { method: 'POST', headers, body, signal: within(timeoutMs, signal) }),
      signal,
    );
  };
}

function within(timeoutMs: number, signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

async function request<Result>(
  call: () => Promise<Response>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  let response: Response;
  let text: string;
  try {
    response = await call();
    text = await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    throw networkError(error);
  }
  return readAnswer<Result>(response, text);
}

/** The error for a server that could not be reached, or a connection that was lost. */
export function networkError(cause: unknown): SwitchyardError {
  const detail = innermostMessage(cause);
  return new SwitchyardError(`the server cannot be reached${detail === '' ? '' : `: ${detail}`}`, {
    code: 'NETWORK_ERROR',
    transient: true,
    cause,
  });
}

/** `fetch failed` says little; what it was caused by, for one address or for several, says more. */
function innermostMessage(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return innermostMessage(inner) || error.message;
}

function readAnswer<Result>(response: Response, text: string): Result {
  const transient = response.status >= 500 || response.status === 429;
  const answer = parse(text);
  if (Array.isArray(answer?.errors)) throw refusal(answer.errors, transient);
  if (answer?.data === undefined || answer.data === null) {
    throw new SwitchyardError(
      `the answer is not GraphQL: HTTP ${response.status} ${text.slice(0, 200)}`.trimEnd(),
      { code: 'BAD_ANSWER', transient, retryAfterMs: retryAfter(response) },
    );
  }
  return answer.data as Result;
}

function parse(text: string): { data?: unknown; errors?: [] } | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    // What it is instead is told by the error that follows.
    return null;
  }
}

function retryAfter(response: Response): number | null {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : null;
}
