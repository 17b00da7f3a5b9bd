export interface NodeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Joined to the node's URL, whose own path is kept. */
  readonly path: string;
  readonly headers?: Record<string, string>;
  /** A blob is streamed, and its type is the request's content type: see `multipart.ts`. */
  readonly body?: string | Uint8Array | Blob;
  readonly signal: AbortSignal;
  /** Sees the answer's body as it comes, beside its being collected. */
  readonly onData?: (chunk: Uint8Array, head: Pick<NodeAnswer, 'status' | 'headers'>) => void;
  /** Of the answer, 16 MiB unless told otherwise; a longer one is a `BAD_NODE_ANSWER`. */
  readonly maxBytes?: number;
}

export interface NodeAnswer {
  readonly status: number;
  /** Names in lower case; of a repeated one, the last. */
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body. */
  readonly bytes: Uint8Array;
  text(): string;
  /** Throws a `NodeFault` (BAD_NODE_ANSWER) where the body is no JSON. */
  json(): unknown;
}

export interface SocketOptions {
  /** Ends the socket. */
  readonly signal: AbortSignal;
  onMessage(message: string | Uint8Array): void;
}

export interface NodeSocket {
  /** Resolves when it is closed, by whomever; never rejects. */
  readonly closed: Promise<void>;
  send(text: string): void;
  close(): void;
}

/**
 * HTTP to one node, over a pool of its own. Failures of transport are thrown as `NodeFault`; a signal that
 * aborts rejects with its own reason, and closes the connection.
 */
export interface NodeClient {
  readonly url: URL;
  /** For protocols that sign what they send; others need not care. */
  readonly token: string | null;
  request(request: NodeRequest): Promise<NodeAnswer>;
  /**
   * A file that the node's answer names by URL, over redirects. The node's own host is allowed; any other goes
   * through the same checks as every URL that a caller gives.
   */
  download(
    url: URL,
    options: { readonly signal: AbortSignal; readonly maxBytes?: number },
  ): Promise<NodeAnswer>;
  /** Opens a WebSocket at that path; the signal's abort and `close` end it. */
  socket(path: string, options: SocketOptions): Promise<NodeSocket>;
  /** Opens a TCP connection and closes it again; throws a `NodeFault` (NODE_UNREACHABLE) where it can't. */
  reach(signal: AbortSignal): Promise<void>;
  /** Ends what is still under way, as a lost node. */
  close(): Promise<void>;
}
