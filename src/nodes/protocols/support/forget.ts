import { NodeFault } from '../fault.ts';
import type { RemoteJob } from '../protocol.ts';

/** Reads what a job came to. One that came to nothing is forgotten, so that the next attempt submits anew. */
export async function orForget<T>(
  { remote }: { readonly remote: RemoteJob },
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof NodeFault && error.code !== 'NODE_UNREACHABLE') await remote.forget();
    throw error;
  }
}
