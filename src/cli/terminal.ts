/** The part of a stream that commands use. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Where a command runs. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: AsyncIterable<string | Uint8Array>;
  /** What was asked for. */
  readonly stdout: Sink;
  /** Everything else: progress, notes, errors. */
  readonly stderr: Sink;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Writes a line. */
export function print(sink: Sink, text = ''): void {
  sink.write(`${text}\n`);
}

/** Writes a value for scripts, on one line. */
export function printJson(sink: Sink, value: unknown): void {
  print(sink, JSON.stringify(value));
}
