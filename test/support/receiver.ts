import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly response: ServerResponse;
}

/** Somebody else's server that webhooks are sent to. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  /** In the order of their arrival. */
  readonly requests: readonly Received[];
  /** How it answers from now on; 204 at first. */
  answer: (received: Received) => void;
  /** Resolves to the requests once there are so many. */
  received(count: number): Promise<readonly Received[]>;
}

export async function startReceiver(
  answer: Receiver['answer'] = ({ response }) => void response.writeHead(204).end(),
): Promise<Receiver> {
  const requests: Received[] = [];
  const server = createServer(async (request, response) => {
    const { url: path = '', headers } = request;
    const received = { path, headers, body: await text(request), response };
    requests.push(received);
    receiver.answer(received);
    server.emit('received');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer,
    async received(count) {
      while (requests.length < count) await once(server, 'received');
      return requests;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}
