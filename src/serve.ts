import { createApp } from './app.ts';
import type { Config } from './config.ts';
import { createLog, type Log } from './log.ts';

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

/** Beyond the time for a drain: the embedded database may need some to stop. */
const GRACE_MS = 5_000;

/** Whatever a drain waits for, such as a database that is stuck, the process ends. Nothing acknowledged is lost by that. */
function endAtLast(timeoutMs: number, log: Log): void {
  const end = (): never => {
    log.fatal({ timeoutMs }, 'the drain does not end: what is left is cut off');
    process.exit(1);
  };
  setTimeout(end, timeoutMs + GRACE_MS).unref();
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
  endAtLast(config.drainTimeoutMs, log);
  await app.close();
  log.info('stopped');
  return 0;
}
