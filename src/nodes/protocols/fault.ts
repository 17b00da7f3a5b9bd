/**
 * Whose fault it is that a call failed, which decides what follows:
 * - `task`: the node refused the task as such. No retry, and nothing against the node.
 * - `busy`: the node is full. Back to the queue, no attempt spent, nothing against the node.
 * - `node`: the node failed. The attempt is spent where the request had been sent.
 * - `input`: a file of the task could not be had. Retried unless said otherwise.
 */
export type FaultSide = 'task' | 'busy' | 'node' | 'input';

export type FaultCode =
  | 'NODE_REJECTED'
  | 'NODE_ERROR'
  | 'NODE_UNREACHABLE'
  | 'BAD_NODE_ANSWER'
  | 'INPUT_UNAVAILABLE';

export interface FaultOptions {
  readonly side: FaultSide;
  readonly code: FaultCode;
  /** False where the request certainly never reached the node: no attempt is spent then. */
  readonly sent: boolean;
  /** How long a full node asks to be left alone. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** What every node call fails with. The message is for the task's owner: no host, no secret. */
export class NodeFault extends Error {
  override readonly name = 'NodeFault';
  readonly side: FaultSide;
  readonly code: FaultCode;
  readonly sent: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: FaultOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.side = options.side;
    this.code = options.code;
    this.sent = options.sent;
    this.retryAfterMs = options.retryAfterMs;
  }
}
