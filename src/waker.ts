/** Wakes one loop. A wake that finds the loop at work is remembered until it waits again. */
export interface Waker {
  wake(): void;
  /** Waits for a wake, the time or the signal, whichever comes first. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export function createWaker(): Waker {
  let isWoken = false;
  let end: (() => void) | null = null;
  return {
    wake() {
      isWoken = true;
      end?.();
    },
    async wait(ms, signal) {
      if (!isWoken && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, ms);
        const aborted = (): void => resolve();
        signal.addEventListener('abort', aborted);
        end = resolve;
        await promise;
        end = null;
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
      }
      isWoken = false;
    },
  };
}
