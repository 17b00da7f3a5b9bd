import { type Batches, createBatches } from './batches.ts';
import type { CallOptions } from './calls.ts';
import { createFiles, type Files } from './files.ts';
import {
  type GpuNodeFragment,
  ListModelsDocument,
  type ListModelsQuery,
  ListNodesDocument,
  MeDocument,
  type TypedDocumentString,
  type UserFragment,
} from './generated/operations.ts';
import { createGenerations, type Generations } from './generations.ts';
import { createHttp, type Token } from './http.ts';
import { createKnowledgeBases, type KnowledgeBases } from './knowledge-bases.ts';
import { withRetries } from './retry.ts';
import { createSchedules, type Schedules } from './schedules.ts';
import { createSocket } from './socket.ts';
import { createTasks, type Tasks } from './tasks.ts';

export type User = UserFragment;
export type GpuNode = GpuNodeFragment;
export type Model = ListModelsQuery['models'][number];

export interface ClientOptions {
  /** The server, `http://127.0.0.1:4000`, or its GraphQL endpoint. */
  readonly url: string;
  readonly token?: Token | undefined;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
  /** A `WebSocket` class. Default: the global one. */
  readonly webSocket?: unknown;
  /** How often something transient is tried again before it is an error. Default: 8, about 25 seconds. */
  readonly retries?: number;
  /** Of one HTTP request, in milliseconds. Default: 120,000. */
  readonly timeoutMs?: number;
}

export interface Client extends Files, Tasks, Batches, Generations, KnowledgeBases, Schedules {
  /** Runs a query; repeated while that may help. */
  query<Result, Variables>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
    options?: CallOptions,
  ): Promise<Result>;
  /** Runs a mutation, once. A Blob or File in the variables is uploaded. */
  mutate<Result, Variables>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
    options?: CallOptions,
  ): Promise<Result>;
  /** Runs a subscription; after a lost connection it starts again with the same variables. */
  subscribe<Result, Variables extends Record<string, unknown>>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
    options?: CallOptions,
  ): AsyncGenerator<Result, void, undefined>;
  /** Who the token belongs to; null without one. */
  me(options?: CallOptions): Promise<User | null>;
  /** For operators and admins. */
  nodes(options?: CallOptions): Promise<GpuNode[]>;
  models(options?: CallOptions): Promise<Model[]>;
  /** Ends every stream and closes the socket. */
  close(): void;
}

/** A typed client of one server. It opens nothing before it is used. */
export function createClient(options: ClientOptions): Client {
  const { token, fetch: fetchWith = fetch, retries = 8, timeoutMs = 120_000, webSocket } = options;
  const { httpUrl, socketUrl } = endpoints(options.url);
  const send = createHttp({ url: httpUrl, token, fetch: fetchWith, timeoutMs });
  const socket = createSocket({ url: socketUrl, token, webSocket, retries });
  const query: Client['query'] = (document, variables, { signal } = {}) =>
    withRetries(() => send(document, variables, signal), { retries, signal });
  return {
    ...createFiles({ send, fetch: fetchWith, retries }),
    ...createTasks({ send, socket, retries }),
    ...createBatches({ send, socket, retries }),
    ...createGenerations({ send, socket, retries }),
    ...createKnowledgeBases({ send, retries }),
    ...createSchedules({ send, retries }),
    query,
    mutate: (document, variables, { signal } = {}) => send(document, variables, signal),
    subscribe: (document, variables, { signal } = {}) => socket.stream(document, () => variables, { signal }),
    me: async (calls) => (await query(MeDocument, {}, calls)).me,
    nodes: async (calls) => (await query(ListNodesDocument, {}, calls)).gpuNodes,
    models: async (calls) => (await query(ListModelsDocument, {}, calls)).models,
    close: () => socket.close(),
  };
}

function endpoints(given: string): { httpUrl: string; socketUrl: string } {
  const http = new URL(given);
  if (http.protocol !== 'http:' && http.protocol !== 'https:') {
    throw new TypeError(`url: must begin with http:// or https://, not ${http.protocol}//`);
  }
  if (http.pathname === '/') http.pathname = '/graphql';
  const socket = new URL(http);
  socket.protocol = http.protocol === 'https:' ? 'wss:' : 'ws:';
  return { httpUrl: http.href, socketUrl: socket.href };
}
