import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A text that somebody waits for. */
export interface Writing {
  write(piece: string): void;
  end(): void;
}

/** An OpenAI server that writes when the test has it write, so that a text is in its midst for as long as need be. */
export interface OutsideWriter extends AsyncDisposable {
  readonly url: string;
  /** The text of that number, from 1, once it is asked for. */
  asked(number: number): Promise<Writing>;
}

const MODELS = JSON.stringify({ object: 'list', data: [{ id: 'poet', object: 'model' }] });

const chunk = (content: string | null, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`;

export async function startOutsideWriter(): Promise<OutsideWriter> {
  const writings: PromiseWithResolvers<Writing>[] = [];
  let count = 0;
  const numbered = (n: number): PromiseWithResolvers<Writing> =>
    (writings[n] ??= Promise.withResolvers<Writing>());

  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(MODELS);
      return;
    }
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      numbered(++count).resolve({
        write: (piece) => void response.write(chunk(piece)),
        end: () => void response.end(`${chunk(null, 'stop')}data: [DONE]\n\n`),
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: (number) => numbered(number).promise,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
