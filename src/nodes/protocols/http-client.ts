import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { type Dispatcher, Pool } from 'undici';
import { forbiddenCause, MAX_REDIRECTS, redirectOf } from '../../urls/index.ts';
import type { NodeAnswer, NodeClient, NodeRequest } from './client.ts';
import { AnswerHandler, badAnswer, unreachable } from './support/answer.ts';
import { authorizationOf } from './support/authorization.ts';
import { openSocket } from './support/socket.ts';

const CONNECT_TIMEOUT_MS = 2_000;
// Shorter than any common server's own, so that a request never meets a connection about to be closed.
const KEEP_ALIVE_MS = 1_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
// Beside its slots a node is asked whether it is ready.
const EXTRA_CONNECTIONS = 2;

export interface NodeClientOptions {
  readonly url: URL;
  /** Sent to the node's own origin only: as a bearer token, or with HTTP Basic where it is `user:password`. */
  readonly token?: string | null;
  /** How many calls go out at once; a change takes a new client. */
  readonly slots: number;
  /**
   * Throws where a file of another origin may not be fetched, and answers what connects to no private address but
   * the node's own host. Without it a node's answer can't name other origins.
   */
  readonly checkUrl?: (url: URL, ownHost: string) => Promise<Dispatcher>;
}

/**
 * A client over one connection pool. Calls have no time limit but their signal; connections not made within
 * 2 seconds are `NODE_UNREACHABLE`.
 */
export function createNodeClient({ url, token, slots, checkUrl }: NodeClientOptions): NodeClient {
  const pool = new Pool(url.origin, {
    connections: slots + EXTRA_CONNECTIONS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const authorization: Record<string, string> = token ? { authorization: authorizationOf(token) } : {};
  const folder = url.pathname.replace(/\/+$/, '');
  const closing = new AbortController();

  /** One hop of a download; the token is for the node's own origin. */
  async function get(file: URL, options: Pick<NodeRequest, 'signal' | 'maxBytes'>): Promise<NodeAnswer> {
    const request: NodeRequest = { method: 'GET', path: `${file.pathname}${file.search}`, ...options };
    if (file.origin === url.origin) return send(pool, url.origin, { ...request, headers: authorization });
    if (checkUrl === undefined) throw badAnswer('names a file on another host');
    try {
      return await send(await checkUrl(file, url.hostname), file.origin, request);
    } catch (error) {
      throw forbiddenCause(error) ? badAnswer('names a file that may not be fetched', error) : error;
    }
  }

  return {
    url,
    token: token ?? null,
    request: ({ path, headers, ...rest }) =>
      send(pool, url.origin, {
        ...rest,
        path: `${folder}${path}`,
        headers: { ...authorization, ...headers },
      }),

    async download(start, options) {
      let file = start;
      for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
        const answer = await get(file, options);
        const next = redirectOf({ status: answer.status, location: answer.headers.location }, file);
        if (next === null) return answer;
        if (next === undefined) throw badAnswer('names a file that redirects to something that is no URL');
        file = next;
      }
      throw badAnswer(`names a file that redirects more than ${MAX_REDIRECTS} times`);
    },

    socket: (path, { signal, onMessage }) =>
      openSocket(new URL(`${folder}${path}`, url), authorization, {
        signal: AbortSignal.any([signal, closing.signal]),
        onMessage,
      }),

    reach: (signal) => reach(url, signal),
    close() {
      closing.abort(new Error('the client is closed'));
      return pool.destroy();
    },
  };
}

function send(dispatcher: Dispatcher, origin: string, request: NodeRequest): Promise<NodeAnswer> {
  const { method, path, headers = {}, body, signal, maxBytes = MAX_ANSWER_BYTES, onData } = request;
  if (signal.aborted) return Promise.reject(signal.reason);
  const handler = new AnswerHandler({ signal, maxBytes, onData });
  const streamed = body instanceof Blob;
  dispatcher.dispatch(
    {
      origin,
      method,
      path,
      headers: streamed
        ? { 'content-type': body.type, 'content-length': String(body.size), ...headers }
        : headers,
      body: streamed ? Readable.from(body.stream(), { objectMode: false }) : (body ?? null),
    },
    handler,
  );
  return handler.answer;
}

function reach(url: URL, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
    signal,
  });
  socket.once('connect', () => {
    socket.destroy();
    resolve();
  });
  const late = Object.assign(new Error('connect timeout'), { code: 'ETIMEDOUT' });
  // A process that stood still hears first what has come meanwhile.
  socket.setTimeout(CONNECT_TIMEOUT_MS, () => setImmediate(() => socket.destroy(late)));
  socket.once('error', (error) => reject(signal.aborted ? signal.reason : unreachable(error)));
  return promise;
}
