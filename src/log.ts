import { type Logger, pino } from 'pino';

export type Log = Logger;

/** Structured logs on stdout: JSON lines, secrets left out. */
export function createLog(level: string): Log {
  return pino({
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        'token',
        'secret',
        'password',
        'authorization',
        '*.token',
        '*.secret',
        '*.password',
        '*.authorization',
      ],
      censor: '[redacted]',
    },
  });
}
