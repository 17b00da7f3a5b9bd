import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { buildSchema, execute, type GraphQLSchema, parse, subscribe, validate } from 'graphql';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Task, TaskEvent } from '../../sdk/src/index.ts';

type Streamed<T> = (variables: { id: string; after: number }) => AsyncIterable<T>;

/**
 * What the server answers. Each subscription's stream is made anew for each subscriber, and goes on when he has what
 * it gave last.
 */
export interface Script {
  readonly authorize?: (authorization: string | null) => boolean;
  readonly taskUpdated?: Streamed<Task>;
  readonly taskEvents?: Streamed<TaskEvent>;
  readonly task?: (id: string) => Task | null;
  readonly tasks?: (page: { first: number; after: string | null }) => unknown;
  readonly submitTask?: () => Task;
}

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly socketUrl: string;
  /** Variables of every subscription so far. */
  readonly subscribed: { id: string; after: number }[];
  /** Open sockets of clients. */
  readonly open: ReadonlySet<Socket>;
  /** Drops every connection, as a machine does that goes down. */
  cut(): void;
  /** Closes every WebSocket with this code. */
  close(code: number, reason: string): void;
  /** Reads nothing any more from the connections that are open now. */
  freeze(): void;
}

/** A real GraphQL server with the API's own schema, whose answers a test decides. */
export async function startScriptedServer(script: Script, port = 0): Promise<ScriptedServer> {
  const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
  const subscribed: ScriptedServer['subscribed'] = [];
  const http = createServer(async (request, response) => {
    const { query, variables } = JSON.parse(await text(request));
    const result = await execute({
      schema,
      document: parse(query),
      variableValues: variables,
      rootValue: roots(script),
    });
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result));
  });
  const open = new Set<Socket>();
  http.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  const sockets = new WebSocketServer({ server: http, path: '/graphql' });
  useServer(
    {
      schema: withStreams(schema, script, subscribed),
      // Those of the module that made the schema: there may be two of graphql in a test process.
      ...{ execute, subscribe, parse, validate },
      context: ({ extra }) => extra,
      onConnect: ({ connectionParams }) => {
        const given = connectionParams?.authorization;
        return script.authorize?.(typeof given === 'string' ? given : null) ?? true;
      },
    },
    sockets,
  );
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  const taken = (http.address() as AddressInfo).port;
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${taken}`,
    socketUrl: `ws://127.0.0.1:${taken}/graphql`,
    subscribed,
    open,
    cut,
    close(code, reason) {
      for (const client of sockets.clients) client.close(code, reason);
    },
    freeze() {
      for (const socket of open) socket.pause();
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

function roots({ task, tasks, submitTask }: Script) {
  return {
    task: ({ id }: { id: string }) => task?.(id) ?? null,
    tasks: (page: { first: number; after: string | null }) => tasks?.(page),
    submitTask: () => submitTask?.(),
  };
}

/** Resolves when the other side has read all that was sent to it: it answers in order. */
async function caughtUp(socket: WebSocket): Promise<void> {
  if (socket.readyState !== socket.OPEN) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('pong', () => resolve()).once('close', () => resolve());
  socket.ping();
  await promise;
}

function withStreams(
  schema: GraphQLSchema,
  script: Script,
  subscribed: ScriptedServer['subscribed'],
): GraphQLSchema {
  const fields = schema.getSubscriptionType()?.getFields() ?? {};
  for (const name of ['taskUpdated', 'taskEvents'] as const) {
    const field = fields[name];
    if (field === undefined) throw new Error(`the schema has no subscription ${name}`);
    field.subscribe = async function* (_root, variables: { id: string; after: number }, { socket }: Extra) {
      subscribed.push({ ...variables });
      for await (const value of script[name]?.(variables) ?? []) {
        yield { [name]: value };
        await caughtUp(socket);
      }
    };
  }
  return schema;
}
