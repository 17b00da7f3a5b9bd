import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { RefusedError } from '../errors.ts';
import { randomId } from '../ids.ts';
import type { Log } from '../log.ts';
import { within } from '../within.ts';
import type { Api, ApiConfig, ApiLimits, ApiOptions } from './api.ts';
import { createHealth } from './health.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { RequestScope } from './request-scope.ts';
import { createRouter, type Router } from './router.ts';

export interface HttpConfig extends ApiConfig {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** A worker's port is for health and metrics alone. */
  readonly role: 'all' | 'api' | 'worker';
}

export interface HttpServerOptions {
  readonly services: ApiOptions['services'];
  readonly config: HttpConfig;
  readonly log: Log;
  /** Where others count, too; its own unless given. */
  readonly registry?: Registry;
  readonly limits?: ApiLimits;
}

export interface HttpServer {
  readonly server: Server;
  /** Resolves to the port, once requests are answered. */
  listen(): Promise<number>;
  /**
   * Stops: not ready any more, no new connection, sockets and streams ended so that clients connect again.
   * Waits for the requests in flight, and cuts off what is left after `timeoutMs`.
   */
  drain(timeoutMs: number): Promise<void>;
}

const requestIdPattern = /^[\w.:-]{1,100}$/;

/** Longer than the idle time of the usual load balancers, or they would send into closing connections. */
const serverTimeouts = { keepAliveTimeout: 65_000, headersTimeout: 70_000, requestTimeout: 300_000 };

interface Handling {
  readonly scopes: AsyncLocalStorage<RequestScope>;
  readonly router: Router;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Gives each request an id, which the answer and every log line about it bear, and measures it. */
function createHandler({ scopes, router, metrics, log }: Handling) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const started = performance.now();
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && requestIdPattern.test(given) ? given : randomId();
    const scope = new RequestScope(requestId, log);
    response.setHeader('x-request-id', requestId);
    let route = 'none';
    response.once('close', () => {
      const { statusCode: status } = response;
      const seconds = (performance.now() - started) / 1000;
      metrics.answered({ method: request.method ?? 'GET', route, status, seconds });
      if (!scope.isDebugging) return;
      scope.log.debug({ method: request.method, route, status, ms: Math.round(seconds * 1000) }, 'answered');
    });
    try {
      route = await scopes.run(scope, () => router(request, response));
    } catch (error) {
      scope.log.error({ err: error }, 'a request failed unexpectedly');
      if (!response.headersSent) response.writeHead(500).end();
      else response.destroy();
    }
  };
}

/** A worker loads nothing of GraphQL, which would be nearly half of its start. */
async function openApi(options: ApiOptions): Promise<Api> {
  const { createApi } = await import('./api.ts');
  return createApi(options);
}

/** One port: the API, health and metrics; without the API in a worker's process. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { services, config, log, registry = new Registry(), limits = {} } = options;
  const { accounts, database, tasks, webhooks } = services;
  const draining = new AbortController();
  const isDraining = (): boolean => draining.signal.aborted;
  const scopes = new AsyncLocalStorage<RequestScope>();
  const api =
    config.role === 'worker'
      ? null
      : await openApi({ services, config, scopes, draining: draining.signal, limits, log });
  const metrics = createMetrics({
    registry,
    tasks,
    accounts,
    webhooks,
    sockets: () => api?.sockets.size ?? 0,
    subscriptions: () => api?.subscriptions.total ?? 0,
    log,
  });
  const router = createRouter({ api, health: createHealth({ database, isDraining, log }), metrics });
  const handle = createHandler({ scopes, router, metrics, log });
  const server = createServer(serverTimeouts, (request, response) => {
    if (isDraining()) response.shouldKeepAlive = false;
    // The rest of a body that was refused in its middle: unread, it would hold up the connection's next request.
    response.once('finish', () => {
      if (!request.complete) request.unpipe().resume();
    });
    // A connection that becomes idle during a drain would be kept for the next request, which never comes.
    response.once('close', () => {
      if (isDraining()) setImmediate(() => server.closeIdleConnections());
    });
    void handle(request, response);
  });
  if (api) server.on('upgrade', api.sockets.upgrade);

  return {
    server,
    async listen() {
      server.listen(config.port, config.host);
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    },
    async drain(timeoutMs) {
      if (isDraining()) return;
      // Streams are told: one that only completed would seem to have come to its end.
      draining.abort(new RefusedError('SERVICE_UNAVAILABLE', 'the server restarts: subscribe again'));
      const closed = new Promise((resolve) => server.close(resolve));
      const ended = await within(timeoutMs, Promise.all([api?.sockets.drain(), closed]));
      if (!ended) {
        log.warn({ timeoutMs }, 'requests were cut off: they took longer than the drain may');
        api?.sockets.terminate();
        server.closeAllConnections();
        await closed;
      }
      await api?.close();
    },
  };
}
