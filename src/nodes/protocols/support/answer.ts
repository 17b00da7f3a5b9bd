import type { Dispatcher } from 'undici';
import type { NodeAnswer, NodeRequest } from '../client.ts';
import { NodeFault } from '../fault.ts';

export interface AnswerOptions {
  readonly signal: AbortSignal;
  readonly maxBytes: number;
  readonly onData: NodeRequest['onData'];
}

/** Collects one answer and settles a promise with it, or with what became of the call. */
export class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly answer: Promise<NodeAnswer>;
  readonly #settle = Promise.withResolvers<NodeAnswer>();
  readonly #signal: AbortSignal;
  readonly #maxBytes: number;
  readonly #onData: NodeRequest['onData'];
  readonly #chunks: Uint8Array[] = [];
  readonly #onAbort = () => this.#abort();
  #controller: Dispatcher.DispatchController | undefined;
  #size = 0;
  #head: Pick<NodeAnswer, 'status' | 'headers'> | undefined;

  constructor({ signal, maxBytes, onData }: AnswerOptions) {
    this.#signal = signal;
    this.#maxBytes = maxBytes;
    this.#onData = onData;
    this.answer = this.#settle.promise;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** The connection stands and the request is about to be written: from here on the node may know of it. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal.aborted) this.#abort();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    const single = Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      [value].flat().at(-1) ?? '',
    ]);
    this.#head = { status, headers: Object.fromEntries(single) };
    if (Number(this.#head.headers['content-length']) > this.#maxBytes) controller.abort(this.#tooLong());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#size += chunk.length;
    try {
      if (this.#size > this.#maxBytes) throw this.#tooLong();
      this.#chunks.push(chunk);
      if (this.#head) this.#onData?.(chunk, this.#head);
    } catch (error) {
      controller.abort(
        error instanceof Error ? error : new Error('an answer could not be read', { cause: error }),
      );
    }
  }

  onResponseEnd(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (this.#head === undefined) throw new Error('an answer ended before its headers');
    const bytes = Buffer.concat(this.#chunks);
    this.#settle.resolve({
      ...this.#head,
      bytes,
      text: () => new TextDecoder().decode(bytes),
      json: () => parseJson(bytes),
    });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#settle.reject(this.#signal.aborted ? this.#signal.reason : this.#faultOf(error));
  }

  #abort(): void {
    const reason: unknown = this.#signal.reason;
    this.#controller?.abort(reason instanceof Error ? reason : new Error('aborted', { cause: reason }));
    // Without a controller the call still waits for a connection, and is dropped when it gets one.
    this.#settle.reject(reason);
  }

  #tooLong(): NodeFault {
    const message = `the node's answer is longer than ${this.#maxBytes} bytes`;
    return new NodeFault(message, { side: 'node', code: 'BAD_NODE_ANSWER', sent: true });
  }

  #faultOf(cause: Error & { code?: string }): Error {
    if (cause instanceof NodeFault || cause.code === 'UND_ERR_INVALID_ARG') return cause;
    if (this.#controller === undefined) return unreachable(cause);
    if (cause.name === 'NotReadableError') {
      const message = 'a file of the task could not be read while it was sent to the node';
      return new NodeFault(message, { side: 'input', code: 'INPUT_UNAVAILABLE', sent: true, cause });
    }
    if (this.#head !== undefined || cause.name === 'HTTPParserError') {
      const message = this.#head === undefined ? 'is no HTTP' : 'was cut short';
      return badAnswer(message, cause);
    }
    const message = 'the node closed the connection before it answered';
    return new NodeFault(message, { side: 'node', code: 'NODE_UNREACHABLE', sent: true, cause });
  }
}

/** The fault of a node that could not be connected to: the request certainly never reached it. */
export function unreachable(cause: Error & { code?: string }): NodeFault {
  const message = `no connection to the node (${cause.code ?? cause.name})`;
  return new NodeFault(message, { side: 'node', code: 'NODE_UNREACHABLE', sent: false, cause });
}

/** The fault of an answer that can't be used: `the node's answer …`. */
export function badAnswer(what: string, cause?: unknown): NodeFault {
  return new NodeFault(`the node's answer ${what}`, {
    side: 'node',
    code: 'BAD_NODE_ANSWER',
    sent: true,
    cause,
  });
}

/** Whether an answer calls itself JSON, of whatever sort. */
export function isJson({ headers }: Pick<NodeAnswer, 'headers'>): boolean {
  return /json/.test(headers['content-type'] ?? '');
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw badAnswer('is no JSON', cause);
  }
}
