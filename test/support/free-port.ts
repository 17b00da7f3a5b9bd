import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that operating systems give to whoever asks for any: nobody gets it by chance before it is used. */
const [FIRST, COUNT] = [20_000, 12_000];

/** A port of this machine that nobody listens on just now, and that stays free for a server that is stopped. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
