import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, handleProtocols, type Server } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { randomId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { BodyBounds } from './body-bounds.ts';
import { boundMessages } from './message-bounds.ts';
import type { Origins } from './origins.ts';
import type { Peers } from './peers.ts';
import { RequestScope, type RequestScopes } from './request-scope.ts';
import type { SocketState } from './socket-protocol.ts';

export interface SocketLimits {
  readonly total: number;
  readonly perAddress: number;
  /** Waiting to be read by one client; with more it is too slow. */
  readonly maxBufferedBytes: number;
  /** Who doesn't answer a ping by the next one is gone. */
  readonly keepAliveMs: number;
}

export const defaultSocketLimits: SocketLimits = {
  total: 20_000,
  perAddress: 5_000,
  maxBufferedBytes: 16 * 1024 * 1024,
  keepAliveMs: 12_000,
};

/** WebSocket's own codes; clients of graphql-transport-ws connect again after both. */
const SERVICE_RESTART = 1012;
const TRY_AGAIN_LATER = 1013;

export interface Sockets {
  /** Takes over a connection that asks for a WebSocket, or refuses it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly size: number;
  /** Closes every socket with a code that makes clients connect again; resolves when they are closed. */
  drain(): Promise<void>;
  /** Ends those that do not answer. */
  terminate(): void;
}

export interface SocketsOptions {
  readonly protocol: Server<SocketState>;
  readonly origins: Origins;
  readonly path: string;
  readonly peers: Peers;
  readonly isDraining: () => boolean;
  readonly bodies: BodyBounds;
  readonly scopes: RequestScopes;
  readonly log: Log;
  readonly limits?: SocketLimits | undefined;
}

const statusTexts = {
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
} as const;

type RefusedStatus = keyof typeof statusTexts;

function refuse(socket: Duplex, status: RefusedStatus): void {
  socket.once('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${statusTexts[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** At most 123 bytes go into a close frame. */
function closeReason(reason: string): string {
  return Buffer.from(reason)
    .subarray(0, 123)
    .toString()
    .replace(/\uFFFD$/, '');
}

/** Pings, and ends a socket that did not answer the ping before. Returns what stops it. */
function keepAlive(socket: WebSocket, everyMs: number): () => void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const timer = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** WebSockets on the server's own port. */
export function createSockets(options: SocketsOptions): Sockets {
  const { protocol, origins, path, peers, isDraining, bodies, scopes, log } = options;
  const limits = options.limits ?? defaultSocketLimits;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: bodies.jsonBytes,
    perMessageDeflate: false,
    handleProtocols: (protocols) => handleProtocols(protocols),
  });
  const byAddress = new Map<string, number>();

  function refusal(request: IncomingMessage): RefusedStatus | null {
    if ((request.url ?? '').split('?')[0] !== path) return 404;
    if (!origins.isAllowed(request.headers.origin, peers.hostOf(request))) return 403;
    if (isDraining() || server.clients.size >= limits.total) return 503;
    return (byAddress.get(peers.addressOf(request)) ?? 0) >= limits.perAddress ? 429 : null;
  }

  function count(address: string, change: 1 | -1): void {
    const sockets = (byAddress.get(address) ?? 0) + change;
    if (sockets === 0) byAddress.delete(address);
    else byAddress.set(address, sockets);
  }

  async function send(socket: WebSocket, data: string): Promise<void> {
    if (socket.readyState !== socket.OPEN) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    // An error closes the socket as well, which ends whatever waits for this.
    socket.send(data, () => resolve());
    if (socket.bufferedAmount > limits.maxBufferedBytes) {
      log.warn({ bytes: socket.bufferedAmount }, 'a socket was closed: its client reads too slowly');
      socket.close(TRY_AGAIN_LATER, 'too slow: connect again and resume');
    }
    await promise;
  }

  async function receive(
    socket: WebSocket,
    data: string,
    handle: (data: string) => Promise<void>,
  ): Promise<void> {
    const requestId = randomId();
    const scope = new RequestScope(requestId, log);
    try {
      await scopes.run(scope, () => handle(data));
    } catch (error) {
      scope.log.error({ err: error }, 'a message of a socket could not be handled');
      socket.close(CloseCode.InternalServerError, 'internal error');
    }
  }

  function opened(socket: WebSocket, raw: Duplex, clientAddress: string): void {
    const closed = new AbortController();
    const stopPings = keepAlive(socket, limits.keepAliveMs);
    count(clientAddress, 1);
    const close = (code: number, reason: string): void => socket.close(code, closeReason(reason));
    const state: SocketState = { clientAddress, closed: closed.signal, viewer: null, close };
    const isStranger = (): boolean => state.viewer === null;
    const received = boundMessages({ socket, raw, bodies, isStranger, close });
    const end = protocol.opened(
      {
        protocol: socket.protocol,
        send: (data) => send(socket, data),
        close: (code = 1000, reason = '') => close(code, reason),
        onMessage: (handle) =>
          socket.on('message', (data) => void receive(socket, String(data), handle).finally(received())),
      },
      state,
    );
    // Such as a message that is too large: ws closes the socket itself.
    socket.on('error', (error) => log.debug({ err: error }, 'a socket failed'));
    socket.once('close', (code, reason) => {
      stopPings();
      count(clientAddress, -1);
      closed.abort();
      end(code, String(reason)).catch((error: unknown) =>
        log.error({ err: error }, 'a closed socket left something open'),
      );
    });
  }

  return {
    get size() {
      return server.clients.size;
    },
    upgrade(request, socket, head) {
      const status = refusal(request);
      if (status !== null) return refuse(socket, status);
      server.handleUpgrade(request, socket, head, (webSocket) =>
        opened(webSocket, socket, peers.addressOf(request)),
      );
    },
    async drain() {
      const closed = [...server.clients].map(
        (client) => new Promise<void>((resolve) => client.once('close', () => resolve())),
      );
      for (const client of server.clients) client.close(SERVICE_RESTART, 'the server restarts');
      await Promise.all(closed);
    },
    terminate() {
      for (const client of server.clients) client.terminate();
    },
  };
}
