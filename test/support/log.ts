import { Writable } from 'node:stream';
import { pino } from 'pino';
import { createLog, type Log } from '../../src/log.ts';

/** Silent unless TEST_LOG names a level. */
export const testLog = createLog(process.env.TEST_LOG ?? 'silent');

/** A log, and its lines. */
export function capturedLog(level: string): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)));
      done();
    },
  });
  return { log: pino({ level }, stream), lines };
}
