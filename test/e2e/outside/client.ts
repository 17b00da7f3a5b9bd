import { openSocket, type Socket, type SocketOptions } from './socket.ts';
import { subscribeOverSse } from './sse.ts';

export interface Fault {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly [name: string]: unknown };
}

/** The server refused a request. */
export class Refused extends Error {
  readonly errors: readonly Fault[];
  readonly code: string;

  constructor(errors: readonly Fault[]) {
    super(JSON.stringify(errors));
    this.errors = errors;
    this.code = errors[0]?.extensions?.code ?? 'none';
  }
}

export interface Reply<Data> {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Data | null | undefined;
  readonly errors: readonly Fault[];
}

export interface Client {
  readonly url: string;
  readonly token: string | null;
  /** The data of an operation; throws `Refused` where there are errors. */
  ask<Data>(query: string, variables?: object): Promise<Data>;
  /** The whole answer. */
  reply<Data>(query: string, variables?: object, headers?: Record<string, string>): Promise<Reply<Data>>;
  /** Sends files by their places in the variables (`variables.input.task…`). */
  upload<Data>(query: string, variables: object, files: Record<string, Blob>): Promise<Data>;
  sse<Data>(query: string, variables?: object): AsyncGenerator<Data, void>;
  socket(options?: SocketOptions): Promise<Socket>;
  as(token: string | null): Client;
  /** The same caller at another server. */
  at(url: string): Client;
}

let callers = 0;

async function replyOf<Data>(response: Response): Promise<Reply<Data>> {
  const { data, errors = [] } = (await response.json()) as { data?: Data; errors?: Fault[] };
  return { status: response.status, headers: response.headers, data, errors };
}

function dataOf<Data>({ data, errors }: Reply<Data>): Data {
  if (errors.length > 0) throw new Refused(errors);
  if (data === null || data === undefined) throw new Error('an answer without data and without errors');
  return data;
}

/**
 * An outsider's client: the API as its contract says, with nothing but `fetch` and `ws`.
 * @param address what the client's proxy says it comes from: each caller another, so that none is throttled for all
 */
export function createClient(url: string, token: string | null = null, address?: string): Client {
  callers += 1;
  const from = address ?? `10.${process.pid % 256}.${callers >> 8}.${callers % 256}`;
  const headers = {
    'x-forwarded-for': from,
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
  const endpoint = `${url}/graphql`;
  const client: Client = {
    url,
    token,
    async reply<Data>(query: string, variables: object = {}, more: Record<string, string> = {}) {
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers, ...more },
        body: JSON.stringify({ query, variables }),
      });
      return replyOf<Data>(response);
    },
    ask: async <Data>(query: string, variables?: object) =>
      dataOf(await client.reply<Data>(query, variables)),
    async upload<Data>(query: string, variables: object, files: Record<string, Blob>) {
      const form = new FormData();
      form.set('operations', JSON.stringify({ query, variables }));
      form.set('map', JSON.stringify(Object.fromEntries(Object.keys(files).map((at, n) => [n, [at]]))));
      for (const [n, file] of Object.values(files).entries()) form.set(String(n), file);
      return dataOf(await replyOf<Data>(await fetch(endpoint, { method: 'POST', headers, body: form })));
    },
    sse: (query, variables = {}) => subscribeOverSse(endpoint, headers, { query, variables }),
    socket: (options = {}) =>
      openSocket(endpoint.replace(/^http/, 'ws'), {
        connectionParams: token === null ? {} : { authorization: `Bearer ${token}` },
        ...options,
      }),
    as: (other) => createClient(url, other, from),
    at: (other) => createClient(other, token, from),
  };
  return client;
}
