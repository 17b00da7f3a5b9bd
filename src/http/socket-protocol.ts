import {
  type ExecutionArgs,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
} from 'graphql';
import {
  CloseCode,
  type Context,
  type ExecutionResult,
  makeServer,
  type Server,
  type SubscribePayload,
} from 'graphql-ws';
import type { Accounts, Viewer } from '../accounts/index.ts';
import { RefusedError } from '../errors.ts';
import { problemOf } from './problems.ts';
import type { RequestScopes } from './request-scope.ts';
import type { ViewerWatch } from './viewer-watch.ts';
import type { GraphQLServer } from './yoga.ts';

/** What is kept of a socket. */
export interface SocketState {
  readonly clientAddress: string;
  /** Aborts when the socket is closed. */
  readonly closed: AbortSignal;
  /** Whom its `connectionParams` named. */
  viewer: Viewer | null;
  close(code: number, reason: string): void;
}

type SocketContext = Context<Record<string, unknown> | undefined, SocketState>;

/** What a source that never started fails with: the client gets an `error` message, and no `next`. */
class RequestRefused extends Error {
  readonly errors: readonly GraphQLError[];

  constructor(errors: readonly GraphQLError[]) {
    super('the request was refused');
    this.errors = errors;
  }
}

/** Without what is for the HTTP server only. */
function formatted(error: GraphQLError): GraphQLFormattedError {
  const { extensions, ...rest } = error.toJSON();
  const { http, ...told } = extensions ?? {};
  return Object.keys(told).length === 0 ? rest : { ...rest, extensions: told };
}

function formattedResult(result: ExecutionResult): FormattedExecutionResult {
  const { errors = [], data, extensions } = result;
  return {
    errors: errors.map(formatted),
    ...(data === undefined ? {} : { data }),
    ...(extensions === undefined ? {} : { extensions }),
  };
}

/** `authorization`, however it is written, of `connectionParams` or of headers. */
function authorizationIn(params: unknown): string | null {
  if (typeof params !== 'object' || params === null) return null;
  const entry = Object.entries(params).find(([name]) => name.toLowerCase() === 'authorization');
  return typeof entry?.[1] === 'string' ? entry[1] : null;
}

/** GraphiQL has no other way to send the headers that its user typed. */
function headersOf({ extensions }: SubscribePayload): unknown {
  return extensions?.headers;
}

function refused(errors: readonly GraphQLError[]): AsyncIterable<never> {
  return {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new RequestRefused(errors)) }),
  };
}

export interface SocketProtocolOptions {
  readonly graphql: GraphQLServer;
  readonly accounts: Accounts;
  readonly watch: ViewerWatch;
  readonly scopes: RequestScopes;
  /** Live at a time on one socket. */
  readonly maxOperations: number;
}

type Enveloped = ReturnType<GraphQLServer['getEnveloped']>;

/** `graphql-transport-ws` with the same rules as HTTP. What is wrong with one operation hurts no other. */
export function createSocketProtocol(options: SocketProtocolOptions): Server<SocketState> {
  const { graphql, accounts, watch, scopes, maxOperations } = options;
  const engines = new WeakMap<ExecutionArgs, Enveloped>();

  async function identify({ connectionParams, extra }: SocketContext): Promise<boolean> {
    try {
      extra.viewer = await accounts.authenticate(authorizationIn(connectionParams));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      extra.close(CloseCode.Forbidden, error.message);
      return false;
    }
    if (extra.viewer === null) return true;
    const unwatch = watch.watch(extra.viewer, ({ message }) => extra.close(CloseCode.Forbidden, message));
    extra.closed.addEventListener('abort', unwatch, { once: true });
    return true;
  }

  async function prepare({ extra, subscriptions }: SocketContext, payload: SubscribePayload) {
    if (Object.keys(subscriptions).length > maxOperations) {
      const message = `too many operations on one socket; the limit is ${maxOperations}`;
      return [new GraphQLError(message, { extensions: { code: 'RATE_LIMITED', limit: maxOperations } })];
    }
    const own = authorizationIn(headersOf(payload));
    const viewer = own === null ? extra.viewer : await accounts.authenticate(own);
    const { clientAddress, closed } = extra;
    const engine = graphql.getEnveloped({ viewer, clientAddress, closed, params: payload });
    const document = engine.parse(payload.query);
    const errors: readonly GraphQLError[] = engine.validate(engine.schema, document);
    if (errors.length > 0) return errors;
    const args = {
      schema: engine.schema,
      document,
      operationName: payload.operationName ?? undefined,
      variableValues: payload.variables ?? undefined,
      contextValue: await engine.contextFactory(),
    };
    engines.set(args, engine);
    return args;
  }

  function engineOf(args: ExecutionArgs): Enveloped {
    const engine = engines.get(args);
    if (engine === undefined) throw new Error('an operation was begun that was not prepared');
    return engine;
  }

  async function guarded<Value>(work: () => Promise<Value>): Promise<Value | GraphQLError[]> {
    try {
      return await work();
    } catch (error) {
      return [problemOf(error, scopes.getStore())];
    }
  }

  return makeServer<Record<string, unknown> | undefined, SocketState>({
    connectionInitWaitTimeout: 5_000,
    onConnect: identify,
    onSubscribe: (context, _id, payload) => guarded(() => prepare(context, payload)),
    async execute(args) {
      const result = await guarded(async () => engineOf(args).execute(args));
      return Array.isArray(result) ? refused(result) : result;
    },
    async subscribe(args) {
      const result = await guarded(async () => engineOf(args).subscribe(args));
      if (Array.isArray(result)) return refused(result);
      return 'errors' in result && result.errors ? refused(result.errors) : result;
    },
    onNext: (_context, _id, _payload, _args, result) => result.errors && formattedResult(result),
    onError: (_context, _id, _payload, errors) =>
      errors.flatMap((error) => {
        if (error.cause instanceof RequestRefused) return error.cause.errors.map(formatted);
        return [formatted(problemOf(error.cause ?? error, scopes.getStore()))];
      }),
  });
}
