import type { Send } from './http.ts';
import { withRetries } from './retry.ts';
import type { Socket } from './socket.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface WatchOptions extends CallOptions {
  /** A version that is known already: only what came after it. */
  readonly after?: number;
}

/** What every part of the client works with. */
export interface Dependencies {
  readonly send: Send;
  readonly socket: Socket;
  readonly retries: number;
}

/** For those who take a signal or none, but no undefined one. */
export function aborting(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

interface Page<Node> {
  readonly edges: readonly { readonly node: Node }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** What is on the pages of a list, each fetched when the one before was read. */
export async function* readPages<Node>(
  fetchPage: (after: string | null) => Promise<Page<Node>>,
  options: { readonly retries: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Node, void> {
  for (let after: string | null = null; ; ) {
    const from: string | null = after;
    const { edges, pageInfo }: Page<Node> = await withRetries(() => fetchPage(from), options);
    for (const { node } of edges) yield node;
    if (!pageInfo.hasNextPage) return;
    after = pageInfo.endCursor;
  }
}
