import { createClient, type Client as WsClient } from 'graphql-ws/client';
import { refusal, SwitchyardError } from './errors.ts';
import type { TypedDocumentString } from './generated/operations.ts';
import { authorization, networkError, type Token } from './http.ts';
import { backOff } from './retry.ts';

const ACKNOWLEDGE_WITHIN_MS = 10_000;

export interface SocketOptions {
  readonly url: string;
  readonly token: Token | undefined;
  readonly webSocket: unknown;
  /** Failed connections in a row before a stream gives up. */
  readonly retries: number;
  /** A connection that does not answer a ping within half of this is given up. Default: 10,000. */
  readonly pingEveryMs?: number;
}

interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of what a slow reader has not taken yet, keep the newest only. */
  readonly latestOnly?: boolean;
}

export interface Socket {
  /**
   * One subscription over as many connections as it takes. `variables` is asked at each of them, so that a
   * stream that can resume goes on behind the last value it had.
   */
  stream<Result, Variables extends Record<string, unknown>>(
    document: TypedDocumentString<Result, Variables>,
    variables: () => Variables,
    options?: StreamOptions,
  ): AsyncGenerator<Result, void, undefined>;
  close(): void;
}

/** Subscriptions over one WebSocket, which is open while there are any. */
export function createSocket(options: SocketOptions): Socket {
  const { token, retries } = options;
  const client = connect(options);
  const closed = new AbortController();

  async function* stream<Result, Variables extends Record<string, unknown>>(
    document: TypedDocumentString<Result, Variables>,
    variables: () => Variables,
    { signal: given, latestOnly = false }: StreamOptions = {},
  ): AsyncGenerator<Result, void, undefined> {
    const signal = given === undefined ? closed.signal : AbortSignal.any([given, closed.signal]);
    for (let failed = 0; ; failed++) {
      try {
        const payload = { query: document.toString(), variables: variables() };
        for await (const value of subscribe<Result>(client, payload, signal, latestOnly)) {
          failed = 0;
          yield value;
        }
        return;
      } catch (error) {
        signal.throwIfAborted();
        const reason = explain(error, typeof token === 'function');
        if (!reason.transient || failed >= retries) throw reason;
        await backOff(failed, reason, signal);
      }
    }
  }

  return {
    stream,
    close: () => closed.abort(new SwitchyardError('the client was closed', { code: 'NETWORK_ERROR' })),
  };
}

function connect({ url, token, webSocket, pingEveryMs = 10_000 }: SocketOptions): WsClient {
  let unanswered: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url,
    connectionParams: async () => ({ authorization: await authorization(token) }),
    // Its own retries repeat the first variables; ours resume.
    retryAttempts: 0,
    keepAlive: pingEveryMs,
    connectionAckWaitTimeout: ACKNOWLEDGE_WITHIN_MS,
    webSocketImpl: webSocket,
    on: {
      ping(received) {
        if (!received) unanswered = setTimeout(() => client.terminate(), pingEveryMs / 2);
      },
      pong(received) {
        if (received) clearTimeout(unanswered);
      },
      closed: () => clearTimeout(unanswered),
    },
  });
  return client;
}

/** One subscription on one connection. */
async function* subscribe<Result>(
  client: WsClient,
  payload: { query: string; variables: Record<string, unknown> },
  signal: AbortSignal,
  latestOnly: boolean,
): AsyncGenerator<Result, void, undefined> {
  const pending: Result[] = [];
  let ended: { error?: unknown } | undefined;
  let wake = () => {};
  const end = (how: { error?: unknown }) => {
    ended ??= how;
    wake();
  };
  const aborted = () => end({ error: signal.reason });
  signal.throwIfAborted();
  signal.addEventListener('abort', aborted);
  const stop = client.subscribe<Result>(payload, {
    next(result) {
      if (result.errors !== undefined) return end({ error: result.errors });
      if (latestOnly) pending.length = 0;
      if (result.data) pending.push(result.data);
      wake();
    },
    error: (error) => end({ error }),
    complete: () => end({}),
  });
  try {
    for (;;) {
      for (let value = pending.shift(); value !== undefined; value = pending.shift()) yield value;
      if (ended !== undefined) {
        if ('error' in ended) throw ended.error;
        return;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal.removeEventListener('abort', aborted);
    stop();
  }
}

/** Closed by a server that would do the same again. */
const fatalCloses: ReadonlySet<number> = new Set([4004, 4400, 4401, 4406, 4409]);
const FORBIDDEN = 4403;

function explain(error: unknown, freshToken: boolean): SwitchyardError {
  if (error instanceof SwitchyardError) return error;
  if (Array.isArray(error)) return refusal(error);
  if (typeof error !== 'object' || error === null || !('code' in error) || !('reason' in error)) {
    return networkError(error);
  }
  const { code, reason } = error as { code: number; reason: string };
  const message = `the connection was closed: ${code} ${reason}`.trimEnd();
  if (code === FORBIDDEN)
    return new SwitchyardError(message, { code: 'UNAUTHENTICATED', transient: freshToken });
  return new SwitchyardError(message, { code: 'NETWORK_ERROR', transient: !fatalCloses.has(code) });
}
