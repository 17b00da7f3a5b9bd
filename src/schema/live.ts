import type { Viewer } from '../accounts/index.ts';
import { RefusedError } from '../errors.ts';
import type { SignedInContext } from './context.ts';

export interface LiveOptions<Value> {
  /** Opens the source; it ends when the signal is aborted. */
  open(signal: AbortSignal): AsyncIterable<Value>;
  /** Whether the viewer may be told this, with the role that he has by then. */
  may(viewer: Viewer, value: Value): boolean;
}

async function* checked<Value>(
  context: SignedInContext,
  { open, may }: LiveOptions<Value>,
  stopped: AbortSignal,
): AsyncGenerator<Value, undefined> {
  const { services } = context;
  const signal = AbortSignal.any(context.signals);
  for await (const value of open(AbortSignal.any([signal, stopped]))) {
    const viewer = await services.accounts.recheck(context.viewer);
    if (viewer === null) throw new RefusedError('UNAUTHENTICATED', 'the credential has ended; sign in again');
    if (!may(viewer, value)) throw new RefusedError('FORBIDDEN', 'this may not be read any more');
    context.viewer = viewer;
    yield value;
  }
  // Aborted for a reason that the caller has to be told, such as a credential that ended.
  if (signal.reason instanceof RefusedError) throw signal.reason;
}

/** A subscription's values, each delivered only to whom it may be told at that moment. */
export function live<Value>(
  context: SignedInContext,
  options: LiveOptions<Value>,
): AsyncIterableIterator<Value, undefined> {
  const stop = new AbortController();
  const values = checked(context, options, stop.signal);
  return {
    next: () => values.next(),
    // A generator that waits for a value would not hear of a return before it comes.
    return() {
      stop.abort();
      return values.return(undefined);
    },
    throw(error: unknown) {
      stop.abort();
      return values.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
