import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TestNode extends AsyncDisposable {
  readonly url: string;
  /** What was asked, in order. */
  readonly asked: {
    readonly path: string;
    readonly body: Buffer;
    readonly headers: IncomingMessage['headers'];
  }[];
}

/** A node that answers as the test says: for builds of servers that the simulator doesn't imitate. */
export async function startNode(answer: (path: string, response: ServerResponse) => void): Promise<TestNode> {
  const asked: TestNode['asked'] = [];
  const server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.once('end', () => {
      asked.push({ path: request.url ?? '', body: Buffer.concat(chunks), headers: request.headers });
      answer(request.url ?? '', response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A node that answers everything with this JSON, or text, and status. */
export function nodeAnswering(
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): Promise<TestNode> {
  return startNode((_, response) => {
    const json = typeof body !== 'string';
    response
      .writeHead(status, { 'content-type': json ? 'application/json' : 'text/plain', ...headers })
      .end(json ? JSON.stringify(body) : body);
  });
}
