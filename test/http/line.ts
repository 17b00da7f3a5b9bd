import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line to a server that can be cut. */
export interface Line {
  /** The same URL, over the line. */
  to(url: string): Promise<string>;
  cut(): Promise<void>;
}

export async function openLine(): Promise<Line> {
  const sockets = new Set<Socket>();
  let target: URL | null = null;
  const keep = (socket: Socket, other: Socket): void => {
    sockets.add(socket);
    // An end of the line that breaks takes the other with it.
    socket.on('error', () => other.destroy());
    socket.once('close', () => {
      sockets.delete(socket);
      other.destroy();
    });
  };
  const server = createServer((near) => {
    const far = connect(Number(target?.port), target?.hostname);
    keep(near, far);
    keep(far, near);
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    async to(url) {
      target = new URL(url);
      const near = new URL(url);
      near.hostname = '127.0.0.1';
      near.port = String((server.address() as AddressInfo).port);
      return near.href;
    },
    async cut() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
