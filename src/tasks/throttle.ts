export interface ThrottleOptions {
  readonly intervalMs: number;
  /** Whether there is something to do. */
  isWaiting(): boolean;
  /** Does what there is to do; must not reject. */
  work(): Promise<void>;
}

/** Does work soon, and then together at most once in an interval; never twice at once. */
export interface Throttle {
  /** There is something to do: what comes in this turn goes along. */
  wake(): void;
  /** Does at once what is still to be done. */
  close(): Promise<void>;
}

export function createThrottle({ intervalMs, isWaiting, work }: ThrottleOptions): Throttle {
  let timer: NodeJS.Timeout | null = null;
  let working = Promise.resolve();

  function begin(): void {
    timer = setTimeout(() => {
      timer = null;
      if (isWaiting()) begin();
    }, intervalMs);
    working = working.then(work);
  }

  return {
    wake() {
      queueMicrotask(() => {
        if (!timer && isWaiting()) begin();
      });
    },
    async close() {
      if (timer) clearTimeout(timer);
      timer = null;
      working = working.then(work);
      await working;
    },
  };
}
