export interface Recheck {
  /** Begins the rounds, unless they run. They end by themselves when nobody needs them. */
  start(): void;
  /** A round now, or right after the one that runs. */
  soon(): void;
  /** Resolves when the round that runs has ended. */
  stop(): Promise<void>;
}

export interface RecheckOptions {
  /** One round. Must not fail. */
  work(): Promise<void>;
  isNeeded(): boolean;
  readonly everyMs: number;
  /** Between two rounds, however often one is asked for. */
  readonly pauseMs: number;
}

/** Repeats `work` while it is needed: every so often, and sooner when asked. Never two at a time. */
export function createRecheck({ work, isNeeded, everyMs, pauseMs }: RecheckOptions): Recheck {
  let timer: NodeJS.Timeout | null = null;
  let dueAt = 0;
  let running: Promise<void> | null = null;
  let again = false;
  let stopped = false;

  function runIn(ms: number): void {
    const at = performance.now() + ms;
    if (stopped || (timer && dueAt <= at)) return;
    if (timer) clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(() => void run(), ms);
  }

  async function run(): Promise<void> {
    timer = null;
    if (!isNeeded()) return;
    again = false;
    running = work();
    await running;
    running = null;
    runIn(again ? pauseMs : everyMs);
  }

  return {
    start() {
      if (!running) runIn(everyMs);
    },
    soon() {
      if (running) again = true;
      else runIn(0);
    },
    async stop() {
      stopped = true;
      if (timer) clearTimeout(timer);
      await running;
    },
  };
}
