import { WebSocket } from 'ws';
import { type Fault, Refused } from './client.ts';

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface SocketOptions {
  readonly connectionParams?: object;
  readonly origin?: string;
}

/** A connection of the protocol `graphql-transport-ws`, by hand. */
export interface Socket extends AsyncDisposable {
  readonly closed: Promise<Closed>;
  /** Subscribes at once; the values, until the server completes. Throws what it refuses and where the socket closes. */
  subscribe<Data>(query: string, variables?: object): AsyncGenerator<Data, void>;
  send(message: object): void;
  /** As a cable that is cut. */
  cut(): void;
}

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

type Entry<Data> = { value: Data } | { end: Error | null };

class Inbox<Data> {
  readonly #entries: Entry<Data>[] = [];
  #arrived = Promise.withResolvers<void>();

  put(entry: Entry<Data>): void {
    this.#entries.push(entry);
    this.#arrived.resolve();
  }

  async take(): Promise<Entry<Data>> {
    for (;;) {
      const entry = this.#entries.shift();
      if (entry !== undefined) return entry;
      this.#arrived = Promise.withResolvers();
      await this.#arrived.promise;
    }
  }
}

function deliver(inbox: Inbox<unknown> | undefined, { type, payload }: Message): void {
  if (type === 'complete') inbox?.put({ end: null });
  if (type === 'error') inbox?.put({ end: new Refused(payload as Fault[]) });
  if (type !== 'next') return;
  const { data, errors } = payload as { data: unknown; errors?: Fault[] };
  inbox?.put(errors === undefined ? { value: data } : { end: new Refused(errors) });
}

/** Opens a socket; throws with the code where the server closes it instead of acknowledging. */
export async function openSocket(url: string, options: SocketOptions): Promise<Socket> {
  const ws = new WebSocket(url, 'graphql-transport-ws', options.origin ? { origin: options.origin } : {});
  const inboxes = new Map<string, Inbox<unknown>>();
  const acknowledged = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<Closed>();
  const send = (message: object) => ws.send(JSON.stringify(message));
  ws.on('message', (bytes) => {
    const message = JSON.parse(String(bytes)) as Message;
    if (message.type === 'connection_ack') acknowledged.resolve();
    else if (message.type === 'ping') send({ type: 'pong' });
    else deliver(inboxes.get(message.id ?? ''), message);
  });
  ws.on('close', (code, bytes) => {
    const end = { code, reason: String(bytes) };
    closed.resolve(end);
    const error = new Error(`closed with ${code} ${end.reason}`);
    acknowledged.reject(error);
    for (const inbox of inboxes.values()) inbox.put({ end: error });
  });
  ws.on('error', acknowledged.reject);
  ws.on('open', () => send({ type: 'connection_init', payload: options.connectionParams ?? {} }));
  await acknowledged.promise;

  async function* values<Data>(id: string, inbox: Inbox<Data>): AsyncGenerator<Data, void> {
    let open = true;
    try {
      for (;;) {
        const entry = await inbox.take();
        if ('value' in entry) yield entry.value;
        else {
          open = false;
          if (entry.end !== null) throw entry.end;
          return;
        }
      }
    } finally {
      if (open && ws.readyState === WebSocket.OPEN) send({ type: 'complete', id });
      inboxes.delete(id);
    }
  }

  let operations = 0;
  return {
    closed: closed.promise,
    send,
    subscribe<Data>(query: string, variables: object = {}) {
      operations += 1;
      const id = String(operations);
      const inbox = new Inbox<Data>();
      inboxes.set(id, inbox as Inbox<unknown>);
      send({ type: 'subscribe', id, payload: { query, variables } });
      return values(id, inbox);
    },
    cut: () => ws.terminate(),
    async [Symbol.asyncDispose]() {
      ws.close(1000);
      await closed.promise;
    },
  };
}
