/** What became of one item of a group. */
export type Outcome<Result> =
  | { readonly ok: true; readonly value: Result }
  | { readonly ok: false; readonly error: unknown };

export interface Batcher<Item, Result> {
  /** Waits for its group to be written. Rejects with the item's own failure, never with a neighbour's. */
  add(item: Item): Promise<Result>;
  /** Resolves when nothing is waiting or in flight. */
  idle(): Promise<void>;
}

export interface BatcherOptions<Item, Result> {
  readonly maxSize: number;
  /** Groups written at the same time. */
  readonly maxInFlight: number;
  /** Writes a whole group or nothing. Results in the order of the items. */
  write(items: readonly Item[]): Promise<readonly Result[]>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  resolve(value: Result): void;
  reject(error: unknown): void;
}

/**
 * Group commit without a timer: an item that finds nothing in flight is written at once; those that arrive
 * meanwhile are written together next. A group that fails is repeated item by item, so that a bad one hurts
 * nobody else.
 */
export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let inFlight = 0;
  let idleWaiters: (() => void)[] = [];

  async function writeOne(entry: Waiting<Item, Result>): Promise<void> {
    try {
      const [value] = await options.write([entry.item]);
      entry.resolve(value as Result);
    } catch (error) {
      entry.reject(error);
    }
  }

  async function writeGroup(group: Waiting<Item, Result>[]): Promise<void> {
    if (group.length === 1 && group[0]) return writeOne(group[0]);
    let values: readonly Result[];
    try {
      values = await options.write(group.map((entry) => entry.item));
    } catch {
      // Whoever is at fault meets the error again alone, and is told it.
      for (const entry of group) await writeOne(entry);
      return;
    }
    for (const [n, entry] of group.entries()) entry.resolve(values[n] as Result);
  }

  function flush(): void {
    while (waiting.length > 0 && inFlight < options.maxInFlight) {
      const group = waiting.slice(0, options.maxSize);
      waiting = waiting.slice(group.length);
      inFlight++;
      void writeGroup(group).finally(() => {
        inFlight--;
        flush();
        if (inFlight === 0 && waiting.length === 0) {
          for (const resolve of idleWaiters) resolve();
          idleWaiters = [];
        }
      });
    }
  }

  return {
    add(item) {
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        // Whatever is added in this same turn goes along.
        if (waiting.length === 1) queueMicrotask(flush);
      });
    },
    idle() {
      if (inFlight === 0 && waiting.length === 0) return Promise.resolve();
      return new Promise((resolve) => idleWaiters.push(resolve));
    },
  };
}
