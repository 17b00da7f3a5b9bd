import { NodeFault } from '../fault.ts';
import type { Readiness } from '../protocol.ts';

export const READY: Readiness = { ready: true };

export function notReady(detail: string): Readiness {
  return { ready: false, detail };
}

/** Runs a readiness check: a node that is down, answers nonsense or stays silent until the signal aborts is not ready. */
export async function checkReadiness(
  signal: AbortSignal,
  check: () => Promise<Readiness>,
): Promise<Readiness> {
  try {
    return await check();
  } catch (error) {
    if (signal.aborted) return notReady('no answer in time');
    if (error instanceof NodeFault) return notReady(error.message);
    throw error;
  }
}
