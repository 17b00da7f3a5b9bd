import type { Log } from '../log.ts';
import type { Claimed } from '../tasks/index.ts';
import { createWaker } from '../waker.ts';

/** Finds what no announcement told: those of a process that died, or that were lost. */
const BACKSTOP_MS = 1_000;

export interface DispatcherOptions {
  claim(limit: number): Promise<readonly Claimed[]>;
  /** How many more tasks this process may take on now. */
  room(): number;
  start(claimed: Claimed): void;
  readonly log: Log;
}

/** The loop that takes work: one per process, so that its claims never overlap. */
export interface Dispatcher {
  /** There may be something to claim. A wake during a claim is followed by another claim. */
  wake(): void;
  /** Claims until the signal aborts; returns when the last claim has been dealt with. */
  run(signal: AbortSignal): Promise<void>;
}

export function createDispatcher({ claim, room, start, log }: DispatcherOptions): Dispatcher {
  const waker = createWaker();

  async function claimOnce(): Promise<void> {
    const limit = room();
    if (limit <= 0) return;
    try {
      const claimed = await claim(limit);
      for (const task of claimed) start(task);
      // A full claim may have left something behind.
      if (claimed.length === limit) waker.wake();
    } catch (error) {
      log.error({ err: error }, 'a claim failed');
    }
  }

  return {
    wake: waker.wake,
    async run(signal) {
      while (!signal.aborted) {
        await claimOnce();
        await waker.wait(BACKSTOP_MS, signal);
      }
    },
  };
}
