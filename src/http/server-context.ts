import type { Viewer } from '../accounts/index.ts';

/** What the node server and the sockets tell the GraphQL server of a request. */
export interface ServerContext {
  readonly clientAddress: string;
  /** Set once it is known who asks. */
  viewer: Viewer | null;
  /** Of a socket's operation: aborts when the operation or its socket ends. HTTP requests bring their own. */
  readonly socketSignal?: AbortSignal;
}
