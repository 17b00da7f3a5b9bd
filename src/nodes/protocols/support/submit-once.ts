import { NodeFault } from '../fault.ts';
import type { RemoteJob } from '../protocol.ts';

const TIMEOUT_MS = 60_000;
/** A submission under way is waited for so long when the call is aborted: whether it took is worth knowing. */
const GRACE_MS = 2_000;

/**
 * Submits a job that is paid for, at most once, and keeps its handle. A fault of `submit` means that there is
 * no job where the request was never sent, or the server itself said so: `NODE_REJECTED` and `NODE_ERROR`.
 * After any other the job may be there, and nobody submits it again unasked.
 * @throws NodeFault; the signal's reason
 */
export async function submitOnce(
  { remote, signal }: { readonly remote: RemoteJob; readonly signal: AbortSignal },
  submit: (signal: AbortSignal) => Promise<string>,
): Promise<string> {
  signal.throwIfAborted();
  await remote.submitting();
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  using late = delayed(signal, GRACE_MS);
  try {
    const handle = await submit(AbortSignal.any([late.signal, timeout]));
    await remote.keep(handle);
    return handle;
  } catch (error) {
    if (error instanceof NodeFault && isRefusal(error)) await remote.forget();
    throw timeout.aborted ? unanswered(error) : error;
  }
}

function isRefusal({ sent, code }: NodeFault): boolean {
  return !sent || code === 'NODE_REJECTED' || code === 'NODE_ERROR';
}

function unanswered(cause: unknown): NodeFault {
  const message = 'the node did not say in time whether it took the job';
  return new NodeFault(message, { side: 'node', code: 'NODE_UNREACHABLE', sent: true, cause });
}

/** A signal that aborts some time after another one, with its reason. */
function delayed(signal: AbortSignal, ms: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    // A process that stood still hears first what has come meanwhile.
    timer = setTimeout(() => setImmediate(() => controller.abort(signal.reason)), ms);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}
