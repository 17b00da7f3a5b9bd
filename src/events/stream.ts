/** Wakes the one who waits. Raised while nobody waits, it is remembered; raised twice, it is seen once. */
export class Wake {
  #raised = false;
  #resolve: (() => void) | null = null;

  raise(): void {
    this.#raised = true;
    this.#resolve?.();
  }

  async wait(): Promise<void> {
    if (!this.#raised) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#resolve = null;
    this.#raised = false;
  }
}

export interface Source<T> {
  /** The next value, or null at the end. Never called twice at a time. Comes back soon once `ended` is aborted. */
  pull(ended: AbortSignal): Promise<T | null>;
  /** Called once, at the end, from whichever side it comes. */
  close(): void;
}

/**
 * An iterator that holds nothing: each value is made when it is asked for. It ends when its source does, when
 * the consumer returns, even while it waits for a value, and when one of `signals` is aborted.
 */
export function createStream<T extends object>(
  source: Source<T>,
  signals: readonly AbortSignal[],
): AsyncIterableIterator<T> {
  const done = { done: true, value: undefined } as const;
  const ended = new AbortController();
  let turn: Promise<unknown> = Promise.resolve();

  function end(): void {
    if (ended.signal.aborted) return;
    ended.abort();
    for (const signal of signals) signal.removeEventListener('abort', end);
    source.close();
  }

  async function step(): Promise<IteratorResult<T, undefined>> {
    try {
      const value = ended.signal.aborted ? null : await source.pull(ended.signal);
      if (value !== null && !ended.signal.aborted) return { done: false, value };
    } catch (error) {
      if (!ended.signal.aborted) {
        end();
        throw error;
      }
    }
    end();
    return done;
  }

  for (const signal of signals) signal.addEventListener('abort', end, { once: true });
  if (signals.some((signal) => signal.aborted)) end();

  return {
    next() {
      const result = turn.then(step);
      turn = result.catch(() => undefined);
      return result;
    },
    async return() {
      end();
      return done;
    },
    async throw(error: unknown) {
      end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
