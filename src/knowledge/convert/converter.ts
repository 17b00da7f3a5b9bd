import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { MediaUnavailableError } from '../../artifacts/index.ts';
import { Refusal } from './refusal.ts';
import { type ConverterReport, type ConverterTask, OUT_OF_MEMORY, OUT_OF_TIME } from './report.ts';

export interface ConvertRequest extends Omit<ConverterTask, 'maxMemoryBytes' | 'maxSeconds'> {
  readonly file: Blob;
  /** Where the chunks go: a line of JSON each, [start, end, text]. */
  readonly target: string;
  readonly signal: AbortSignal;
  /** As each comes; `done` and `refused` are left out. */
  report(report: Extract<ConverterReport, { type: 'validated' | 'progress' | 'converted' }>): void;
}

/** Makes files into chunks of text, each in a process of its own, which can do nothing but that. */
export interface Converter {
  /**
   * Answers how many chunks there are.
   * @throws Refusal where the file can't be made into text; ConverterLostError where its process was lost;
   * MediaUnavailableError where the file could not be read to its end; the signal's reason
   */
  convert(request: ConvertRequest): Promise<{ readonly chunks: number }>;
}

export interface ConverterOptions {
  /** How many files at once. */
  readonly concurrency: number;
  readonly maxSeconds?: number;
  readonly maxMemoryBytes?: number;
  /** Of the chunks as they are written. */
  readonly maxOutputBytes?: number;
}

/** The process ended, and nobody knows why: another try may do better. */
export class ConverterLostError extends Error {
  override readonly name = 'ConverterLostError';
}

const MIB = 1024 * 1024;
const MAX_SECONDS = 300;
const MAX_MEMORY_BYTES = 1024 * MIB;
const MAX_OUTPUT_BYTES = 512 * MIB;
/** V8's own share of the memory: the rest is for what lies outside of its heap. */
const HEAP_SHARE = 0.75;
const MAX_COMPLAINT = 4_000;

const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? 'main.ts' : 'main.js', import.meta.url));

/** No file can be written there, no process started, no native code loaded; of the environment nothing is left. */
function start(task: ConverterTask): ChildProcess {
  const flags = [
    '--permission',
    '--allow-fs-read=*',
    '--allow-worker',
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=SecurityWarning',
    `--max-old-space-size=${Math.floor((task.maxMemoryBytes * HEAP_SHARE) / MIB)}`,
  ];
  return spawn(process.execPath, [...flags, main, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    env: {},
    serialization: 'json',
  });
}

/** Lets so many bytes pass. */
function bounded(maxBytes: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.byteLength;
      if (bytes <= maxBytes) return done(null, chunk);
      done(new Refusal(`it has more text than a document may have: ${maxBytes / MIB} MiB of it in chunks`));
    },
  });
}

/** The end of what a process complains of. */
async function collect(stream: Readable): Promise<string> {
  let text = '';
  for await (const piece of stream) text = `${text}${piece}`.slice(-MAX_COMPLAINT);
  return text;
}

/** The bytes of a file. What keeps them from being read to their end is told; that nobody wants the rest is not. */
async function* bytesOf(file: Blob, breaks: (cause: unknown) => void): AsyncGenerator<Uint8Array> {
  try {
    yield* file.stream();
  } catch (cause) {
    breaks(cause);
    throw cause;
  }
}

function throwIfBroken(broken: { readonly cause: unknown } | null): void {
  if (broken)
    throw new MediaUnavailableError('the file could not be read to its end', {
      retryable: true,
      cause: broken.cause,
    });
}

/** Runs so many at a time, the others in their turn; who is aborted as he waits gives his turn up. */
function createTurns(places: number) {
  let free = places;
  const waiting = new Set<() => void>();

  function turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      waiting.delete(begin);
      reject(signal.reason);
    };
    const begin = (): void => {
      waiting.delete(begin);
      signal.removeEventListener('abort', leave);
      resolve();
    };
    waiting.add(begin);
    signal.addEventListener('abort', leave, { once: true });
    return promise;
  }

  return async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    if (free > 0) free--;
    else await turn(signal);
    try {
      return await work();
    } finally {
      const [next] = waiting;
      if (next) next();
      else free++;
    }
  };
}

export function createConverter(options: ConverterOptions): Converter {
  const { maxSeconds = MAX_SECONDS, maxMemoryBytes = MAX_MEMORY_BYTES } = options;
  const { maxOutputBytes = MAX_OUTPUT_BYTES } = options;
  const inTurn = createTurns(options.concurrency);

  /** Why a process that told of no end has ended. */
  function explain(complaint: string, end: string): Error {
    if (complaint.includes(OUT_OF_TIME)) {
      return new Refusal(
        `reading it took longer than ${maxSeconds} seconds: it may be damaged, or too large`,
      );
    }
    if (complaint.includes(OUT_OF_MEMORY) || complaint.includes('heap out of memory')) {
      const limit = Math.round(maxMemoryBytes / MIB);
      return new Refusal(`reading it took more than ${limit} MiB of memory: it may be damaged, or too large`);
    }
    return new ConverterLostError(`the process that read the file was lost (${end}): ${complaint.trim()}`);
  }

  async function run({ file, target, signal, report, ...task }: ConvertRequest) {
    const child = start({ ...task, maxSeconds, maxMemoryBytes });
    const { stdin, stdout, stderr } = child;
    if (!stdin || !stdout || !stderr) throw new Error('a process was started without its streams');
    let last: ConverterReport | null = null;
    child.on('message', (message: ConverterReport) => {
      last = message;
      if (message.type !== 'done' && message.type !== 'refused') report(message);
    });
    const ended = once(child, 'close');
    const kill = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill);
    try {
      // What breaks off here ends for the process as a file does: nothing that it made of that may count.
      let broken: { readonly cause: unknown } | null = null;
      const fed = pipeline(
        bytesOf(file, (cause) => {
          broken = { cause };
          kill();
        }),
        stdin,
        // A refused file is not read to its end.
      ).catch(() => undefined);
      const complaint = collect(stderr);
      const kept = pipeline(stdout, bounded(maxOutputBytes), createWriteStream(target));
      kept.catch(kill);
      const [code, by] = await ended;
      await fed;
      signal.throwIfAborted();
      throwIfBroken(broken);
      await kept;
      const end = last as ConverterReport | null;
      if (end?.type === 'refused') throw new Refusal(end.message);
      if (end?.type !== 'done') throw explain(await complaint, String(by ?? code));
      return { chunks: end.chunks };
    } finally {
      signal.removeEventListener('abort', kill);
      kill();
    }
  }

  return { convert: (request) => inTurn(request.signal, () => run(request)) };
}
