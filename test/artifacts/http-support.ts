import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';

export interface TestServer extends AsyncDisposable {
  /** What it was asked for, in order. */
  readonly paths: string[];
  readonly port: number;
  /** With the port. */
  readonly host: string;
  readonly url: string;
}

/** An HTTP server on a free port of this machine. */
export async function serve(answer: RequestListener): Promise<TestServer> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return {
    paths,
    port,
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
