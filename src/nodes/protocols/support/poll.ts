import { setTimeout as sleep } from 'node:timers/promises';
import { NodeFault } from '../fault.ts';

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1_000;
const GROWTH = 1.25;
/** A hiccup of the network, or of a proxy, must not cost a job that is half done. */
const PATIENCE = 3;

export interface PollOptions {
  readonly signal: AbortSignal;
  /** Waits so long, or until there is reason to ask sooner. */
  readonly pause?: (ms: number) => Promise<void>;
}

/**
 * Asks for what became of a job, ever less often, until `ask` answers something else than undefined. A node
 * that can't be asked is asked again; what it failed with for the third time in a row is thrown.
 * @throws NodeFault, as of a request that was sent, since the job had been; the signal's reason
 */
export async function poll<T>(
  ask: () => Promise<T | undefined>,
  { signal, pause = (ms) => waitFor(ms, signal) }: PollOptions,
): Promise<T> {
  let pauseMs = FIRST_PAUSE_MS;
  let failures = 0;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      failures = 0;
    } catch (error) {
      if (!(error instanceof NodeFault)) throw error;
      if (error.side !== 'busy') failures += 1;
      if (failures === PATIENCE) throw asSent(error);
    }
    await pause(pauseMs);
    signal.throwIfAborted();
    pauseMs = Math.min(pauseMs * GROWTH, MAX_PAUSE_MS);
  }
}

/** Resolves after so long; rejects with the signal's reason where it aborts before. */
export async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function asSent(fault: NodeFault): NodeFault {
  if (fault.sent) return fault;
  const { message, side, code, cause } = fault;
  return new NodeFault(message, { side, code, cause, sent: true });
}
