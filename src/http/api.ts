import type { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Carrier } from '../events/index.ts';
import type { Log } from '../log.ts';
import { createSchema, type Services } from '../schema/index.ts';
import type { Tracing } from '../tracing/index.ts';
import { createServeArtifact } from './artifacts.ts';
import { type BodyConfig, createBodyBounds } from './body-bounds.ts';
import { createServeGraphiQL } from './graphiql.ts';
import { createOrigins } from './origins.ts';
import { GRAPHQL_PATH } from './paths.ts';
import { createPeers } from './peers.ts';
import type { OperationLimits } from './plugins/limits.ts';
import { SubscriptionCount, type SubscriptionLimits } from './plugins/subscriptions.ts';
import type { RequestScope } from './request-scope.ts';
import { createSocketProtocol } from './socket-protocol.ts';
import { createSockets, type SocketLimits, type Sockets } from './sockets.ts';
import { traceApi } from './traced.ts';
import { createViewerWatch } from './viewer-watch.ts';
import { createGraphQLServer } from './yoga.ts';

export interface ApiConfig extends BodyConfig {
  readonly corsOrigins: readonly string[];
  readonly trustProxy: boolean;
}

export interface ApiLimits {
  readonly operation?: OperationLimits;
  readonly subscriptions?: SubscriptionLimits;
  readonly sockets?: SocketLimits;
  readonly operationsPerSocket?: number;
}

export interface ApiOptions {
  readonly services: Services & { readonly carrier: Carrier; readonly tracing: Tracing | null };
  readonly config: ApiConfig;
  readonly scopes: AsyncLocalStorage<RequestScope>;
  /** Aborts when the server drains. */
  readonly draining: AbortSignal;
  readonly limits: ApiLimits;
  readonly log: Log;
}

/** What clients call: GraphQL over HTTP, SSE and sockets, GraphiQL, and artifacts. */
export interface Api {
  /** Answers a request. @returns the route for metrics, one of few; null where the path is none of the API's */
  answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<string | null>;
  readonly sockets: Sockets;
  readonly subscriptions: Pick<SubscriptionCount, 'total'>;
  /** After the last request. */
  close(): Promise<void>;
}

const OPERATIONS_PER_SOCKET = 1_000;

export function createApi({ services, config, scopes, draining, limits, log }: ApiOptions): Api {
  const { accounts, artifacts, carrier, database, tracing } = services;
  const peers = createPeers(config.trustProxy);
  const origins = createOrigins(config.corsOrigins);
  const watch = createViewerWatch({ accounts, carrier, clock: database.clock, log });
  const subscriptions = new SubscriptionCount();
  const bodies = createBodyBounds(config);
  const graphql = createGraphQLServer({
    schema: createSchema(),
    services,
    scopes,
    origins,
    bodies,
    limits: limits.operation,
    tracing,
    subscriptions: { watch, draining, count: subscriptions, limits: limits.subscriptions },
  });
  const protocol = createSocketProtocol({
    graphql,
    accounts,
    watch,
    scopes,
    maxOperations: limits.operationsPerSocket ?? OPERATIONS_PER_SOCKET,
  });
  const sockets = createSockets({
    protocol,
    path: GRAPHQL_PATH,
    origins,
    peers,
    isDraining: () => draining.aborted,
    bodies,
    scopes,
    log,
    limits: limits.sockets,
  });
  const serveGraphiQL = createServeGraphiQL();
  const serveArtifact = createServeArtifact({ artifacts, log });

  async function answerGraphQL(request: IncomingMessage, response: ServerResponse): Promise<string> {
    if (await serveGraphiQL(request, response)) return 'graphiql';
    response.setHeader('vary', 'origin');
    const closed = new AbortController();
    // With a reason at hand: making an exception for each request costs as much as logging it.
    response.once('close', () => closed.abort('closed'));
    const clientAddress = peers.addressOf(request);
    await graphql(request, response, { viewer: null, clientAddress, closed: closed.signal });
    return GRAPHQL_PATH;
  }

  const api: Api = {
    async answer(path, request, response) {
      if (path === GRAPHQL_PATH) return answerGraphQL(request, response);
      return (await serveArtifact(request, response)) ? '/artifacts' : null;
    },
    sockets,
    subscriptions,
    async close() {
      watch.close();
      await graphql.dispose();
    },
  };
  return tracing ? traceApi(api, tracing) : api;
}
