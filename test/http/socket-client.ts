import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type Api, bearer, type Json, type Person } from './support.ts';

export interface Message {
  readonly id?: string;
  readonly type: string;
  readonly payload?: Json;
}

/** graphql-transport-ws by hand, so that a test can also say what no client would. */
export interface SocketClient {
  readonly socket: WebSocket;
  send(message: object): void;
  subscribe(id: string, query: string, extra?: object): void;
  /** The next message that was not read yet. */
  next(): Promise<Message>;
  /** The next message about that operation; others are dropped. */
  nextOf(id: string): Promise<Message>;
  /** How the server closes it. */
  closed(): Promise<{ code: number; reason: string }>;
}

export interface ConnectOptions {
  readonly as?: Person | undefined;
  readonly params?: object;
  readonly headers?: Record<string, string>;
  readonly path?: string;
}

/** Opens a socket, without a word. @throws where the server refuses the upgrade */
export async function open(
  { url }: Api,
  { headers = {}, path = '/graphql' }: ConnectOptions = {},
): Promise<SocketClient> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, 'graphql-transport-ws', { headers });
  const messages: Message[] = [];
  const waiting: (() => void)[] = [];
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)));
    waiting.shift()?.();
  });
  const { promise: closing, resolve: tellClosed } = Promise.withResolvers<{ code: number; reason: string }>();
  socket.once('close', (code, reason) => tellClosed({ code, reason: String(reason) }));
  await once(socket, 'open');

  async function next(): Promise<Message> {
    if (messages.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    const message = messages.shift();
    if (message === undefined) throw new Error('woken without a message');
    return message;
  }
  const send = (message: object): void => socket.send(JSON.stringify(message));

  return {
    socket,
    send,
    subscribe: (id, query, extra = {}) => send({ id, type: 'subscribe', payload: { query, ...extra } }),
    next,
    async nextOf(id) {
      for (let message = await next(); ; message = await next()) if (message.id === id) return message;
    },
    closed: () => closing,
  };
}

/** Opens a socket and says who asks. */
export async function connect(api: Api, options: ConnectOptions = {}): Promise<SocketClient> {
  const client = await open(api, options);
  client.send({ type: 'connection_init', payload: { ...bearer(options.as), ...options.params } });
  const { type } = await client.next();
  if (type !== 'connection_ack') throw new Error(`not acknowledged, but ${type}`);
  return client;
}
