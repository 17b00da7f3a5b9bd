import { createApp } from './app.ts';
import type { Config } from './config.ts';
import { createLog } from './log.ts';

/** The first of the signals that ask a process to end. Later ones end it at once. */
function stopRequested(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    }
  });
}

/**
 * Runs a server until it is told to stop, then drains it.
 * @returns the process's exit code
 */
export async function serve(config: Config): Promise<number> {
  const log = createLog(config.logLevel);
  const stop = stopRequested();
  const app = await createApp(config, log);
  log.info({ url: app.url, role: config.role }, 'ready');
  const signal = await stop;
  log.info({ signal }, 'draining');
  await app.close();
  log.info('stopped');
  return 0;
}
