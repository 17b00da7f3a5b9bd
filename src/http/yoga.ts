import type { GraphQLSchema } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import type { Context, Services } from '../schema/index.ts';
import type { Tracing } from '../tracing/index.ts';
import type { BodyBounds } from './body-bounds.ts';
import type { Origins } from './origins.ts';
import { GRAPHQL_PATH } from './paths.ts';
import { useBodyLimits } from './plugins/body-limits.ts';
import { useCsrfPrevention } from './plugins/csrf.ts';
import { useExecutor } from './plugins/executor.ts';
import { useIdentity } from './plugins/identity.ts';
import { type OperationLimits, useLimits } from './plugins/limits.ts';
import { useMediaTypes } from './plugins/media-types.ts';
import { useOperationLog } from './plugins/operation-log.ts';
import { useStorableText } from './plugins/storable-text.ts';
import { type SubscriptionsOptions, useSubscriptions } from './plugins/subscriptions.ts';
import { useTracing } from './plugins/tracing.ts';
import { problemOf } from './problems.ts';
import type { RequestScopes } from './request-scope.ts';
import type { ServerContext } from './server-context.ts';

export type GraphQLServer = YogaServerInstance<ServerContext, Context>;

export interface GraphQLServerOptions {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly scopes: RequestScopes;
  readonly origins: Origins;
  readonly bodies: BodyBounds;
  readonly limits?: OperationLimits | undefined;
  readonly subscriptions: SubscriptionsOptions;
  readonly tracing?: Tracing | null;
}

/** Everything between a request and the schema: the same for HTTP, SSE and sockets. */
export function createGraphQLServer(options: GraphQLServerOptions): GraphQLServer {
  const { schema, services, scopes, origins } = options;

  function contextOf({ viewer, nodeTokenId = null, clientAddress, closed }: ServerContext): Context {
    const signals = [closed, options.subscriptions.draining];
    return { viewer, nodeTokenId, clientAddress, services, signals };
  }

  return createYoga<ServerContext, Context>({
    schema,
    context: contextOf,
    graphqlEndpoint: GRAPHQL_PATH,
    landingPage: false,
    // Served apart, compressed: see graphiql.ts.
    graphiql: false,
    // What is worth a line is logged with its request's id: see problems.ts.
    logging: false,
    maskedErrors: { maskError: (error) => problemOf(error, scopes.getStore()), errorMessage: '' },
    // Bounded by use-body-limits, which knows what is being sent.
    maxRequestBodySize: false,
    batching: false,
    cors: (request) => {
      const origin = request.headers.get('origin');
      if (origin === null || !origins.isListed(origin)) return false;
      return {
        origin: [origin],
        // Nothing here reads cookies.
        credentials: false,
        methods: ['GET', 'POST', 'OPTIONS'],
        exposedHeaders: ['x-request-id', 'retry-after'],
        maxAge: 3600,
      };
    },
    plugins: [
      useExecutor(),
      ...(options.tracing ? [useTracing(options.tracing)] : []),
      useIdentity(services),
      useCsrfPrevention(),
      useMediaTypes(),
      useBodyLimits(options.bodies),
      useLimits(options.limits),
      useStorableText(),
      useOperationLog(scopes),
      useSubscriptions(options.subscriptions),
    ],
  });
}
