import { setTimeout as sleep } from 'node:timers/promises';
import { NodeFault, type NodeProtocol, type StopRequest } from '../nodes/index.ts';

/** How long a node is asked to stop a call before it is taken for one that works on. */
const ASKING_MS = 2_000;
/** A node that could not be asked, or does not know of the call yet, is asked again so soon. */
const PAUSE_MS = 100;

export interface StopAtNodeOptions extends Omit<StopRequest, 'signal'> {
  readonly protocol: NodeProtocol;
  /** Aborts when the call has ended, which is the best sign that nothing is left to stop. */
  readonly over: AbortSignal;
}

/**
 * Has a protocol stop a call's work at its node, where it can.
 * @returns whether it no longer works on it; false where it does, or could not be asked
 */
export async function stopAtNode({ protocol, over, ...request }: StopAtNodeOptions): Promise<boolean> {
  const cancel = protocol.cancel;
  if (!cancel) return false;
  const signal = AbortSignal.any([over, AbortSignal.timeout(ASKING_MS)]);
  while (!signal.aborted) {
    try {
      return await cancel({ ...request, signal });
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof NodeFault)) throw error;
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return over.aborted;
}
