import { setTimeout as pause } from 'node:timers/promises';
import { type Server, type ServerOptions, startServer } from './server.ts';

const MAX_STARTS = 5;

/**
 * Starts a server again, on the same port, when it ends without having been told to: whoever is connected
 * connects again. Gives up, and says so, when five starts in a row fail.
 */
export function keepRunning(options: ServerOptions, first: Server): Server {
  const { log } = options;
  let current: Server | null = first;
  let stopping = false;

  async function restart(port: number): Promise<Server | null> {
    for (let starts = 1; starts <= MAX_STARTS && !stopping; starts++) {
      try {
        return await startServer(options, port);
      } catch (error) {
        log.error({ err: error, starts }, 'PostgreSQL cannot be started again');
        await pause(200 * starts);
      }
    }
    return null;
  }

  async function watch(): Promise<void> {
    while (current) {
      await current.exited;
      if (stopping) return;
      log.error('PostgreSQL ended unexpectedly: starting it again');
      current = await restart(first.port);
      // The stop came while it was started.
      if (stopping) return current?.stop();
    }
    log.fatal('PostgreSQL is gone: restart Switchyard');
  }

  const exited = watch();
  return {
    port: first.port,
    exited,
    async stop() {
      stopping = true;
      await current?.stop();
      await exited;
    },
  };
}
