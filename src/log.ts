import { type Logger, pino } from 'pino';

export type Log = Logger;

interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code?: unknown;
  readonly stack?: string | undefined;
  readonly cause?: unknown;
}

/** Of an error what helps. Libraries hang whole connections, passwords included, onto theirs. */
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const described: LoggedError = {
    type: error.name,
    message: error.message,
    ...('code' in error ? { code: error.code } : {}),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describe(error.cause) }),
  };
  return error instanceof AggregateError ? { ...described, errors: error.errors.map(describe) } : described;
}

/** Structured logs on stdout: JSON lines, secrets left out. */
export function createLog(level: string): Log {
  return pino({
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describe },
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
