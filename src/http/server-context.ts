import type { Viewer } from '../accounts/index.ts';
import type { RefusedError } from '../errors.ts';

/** What the node server and the sockets tell the GraphQL server of a request. */
export interface ServerContext {
  readonly clientAddress: string;
  /** Set once it is known who asks. */
  viewer: Viewer | null;
  /** Why its credential is no good: what is asked for decides whether that matters. */
  refusal?: RefusedError;
  /** Of a node agent; it has no viewer, and may send heartbeats only. */
  nodeTokenId?: string | null;
  /** Aborts when the answer or the socket is closed, from whichever side. */
  readonly closed: AbortSignal;
}
