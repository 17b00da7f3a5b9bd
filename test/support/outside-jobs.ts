import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { type WebSocket, WebSocketServer } from 'ws';
import { png } from './outside-nodes.ts';

/**
 * Servers that draw and tell how far they are, as strangers would write them from the wire contracts alone: they share
 * nothing with the simulator and the protocols of Switchyard.
 */
export interface Asked {
  /** `GET /history/1`, without the query. */
  readonly route: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What a page answers: JSON, or bytes; `reset` breaks the connection instead. */
export interface Page {
  readonly status?: number;
  readonly json?: unknown;
  readonly bytes?: Buffer;
  readonly reset?: true;
}

type Answer = (asked: Asked) => Page | Promise<Page>;

export interface JobServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Those for that route, which may end in `*`. */
  to(route: string): Asked[];
  /** The next requests for that route get these in place of the usual answer, one each. */
  trap(route: string, ...pages: readonly Page[]): void;
  /** Of the sockets that are open now, by their query. */
  readonly sockets: ReadonlyMap<string, WebSocket>;
}

export interface Script {
  /** By route, which may end in `*`. */
  readonly pages: Readonly<Record<string, Answer>>;
  /** The header that callers must show. */
  readonly authorization?: string;
  /** The path of the WebSocket that it has. */
  readonly socket?: string;
}

const matches = (pattern: string, route: string): boolean =>
  pattern.endsWith('*') ? route.startsWith(pattern.slice(0, -1)) : route === pattern;

export async function startJobServer({ pages, authorization, socket }: Script): Promise<JobServer> {
  const asked: Asked[] = [];
  const traps: { route: string; page: Page }[] = [];
  const sockets = new Map<string, WebSocket>();

  async function answer(one: Asked): Promise<Page> {
    const trapped = traps.findIndex(({ route }) => matches(route, one.route));
    const [trap] = trapped < 0 ? [] : traps.splice(trapped, 1);
    if (trap) return trap.page;
    const [, usual] = Object.entries(pages).find(([pattern]) => matches(pattern, one.route)) ?? [];
    return usual ? usual(one) : { status: 404, json: { detail: 'Not Found' } };
  }

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url ?? '/', 'http://localhost');
    const text = Buffer.concat(chunks).toString();
    const one = {
      route: `${request.method} ${url.pathname}`,
      query: url.searchParams,
      body: text === '' ? {} : JSON.parse(text),
    };
    asked.push(one);
    const isTrusted = authorization === undefined || request.headers.authorization === authorization;
    const page = isTrusted
      ? await answer(one)
      : { status: 401, json: { detail: 'Incorrect username or password' } };
    if (page.reset) return void request.socket.resetAndDestroy();
    response.writeHead(page.status ?? 200, { 'content-type': page.bytes ? 'image/png' : 'application/json' });
    response.end(page.bytes ?? JSON.stringify(page.json ?? null));
  });
  const upgrades = new WebSocketServer({ noServer: true });
  if (socket !== undefined) {
    server.on('upgrade', (request, connection, head) => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      if (url.pathname !== socket) return void connection.destroy();
      upgrades.handleUpgrade(request, connection, head, (opened) => {
        const name = url.searchParams.get('clientId') ?? '';
        sockets.set(name, opened);
        opened.once('close', () => sockets.delete(name));
      });
    });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    to: (route) => asked.filter((one) => matches(route, one.route)),
    trap: (route, ...more) => void traps.push(...more.map((page) => ({ route, page }))),
    sockets,
    async [Symbol.asyncDispose]() {
      for (const open of upgrades.clients) open.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A picture with what made it written inside, as such servers do: everything up to the header, a text, the rest. */
export async function tellingPng(width: number, height: number, secret: string): Promise<Buffer> {
  const plain = await png(width, height);
  const body = Buffer.from(`parameters\0${secret}`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const type = Buffer.from('tEXt');
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(Buffer.concat([type, body])));
  return Buffer.concat([plain.subarray(0, 33), length, type, body, check, plain.subarray(33)]);
}
