import { once } from 'node:events';
import net from 'node:net';

export interface CutProxy extends AsyncDisposable {
  /** The same database, through the proxy. */
  readonly url: string;
  /**
   * Lets the next COMMIT through, or the nth from now, and cuts its connection before the answer. Resolves when
   * that has happened.
   */
  cutCommit(nth?: number): Promise<void>;
}

/** Stands between a process and PostgreSQL, to break a connection at the worst moment there is. */
export async function openCutProxy(databaseUrl: string): Promise<CutProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  let armed: (() => void) | null = null;
  let commits = 0;

  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // A cut connection ends with an error on one of its sides.
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    client.on('data', (data) => {
      if (armed && data.includes('COMMIT') && --commits === 0) {
        const done = armed;
        armed = null;
        let answered = '';
        upstream.removeAllListeners('data').on('data', (answer) => {
          // Earlier answers may come by themselves, while the commit is still under way.
          answered += answer.toString('latin1');
          if (!/(COMMIT|ROLLBACK)\0/.test(answered)) return;
          client.destroy();
          upstream.destroy();
          done();
        });
      }
      upstream.write(data);
    });
    upstream.on('data', (data) => client.write(data));
    client.on('end', () => upstream.end());
    upstream.on('end', () => client.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${address.port}`;
  return {
    url: url.href,
    cutCommit: (nth = 1) =>
      new Promise((resolve) => {
        armed = resolve;
        commits = nth;
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
