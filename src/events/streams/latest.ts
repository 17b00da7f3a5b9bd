import { type Source, Wake } from '../stream.ts';

export interface LatestOptions<State> {
  /** Tells the state as it is now, and again after each change; null when there is none. Returns what ends it. */
  watch(changed: (state: State | null) => void): () => void;
  /** Whether a state says anything that the one before, which was told, did not. */
  isNews(state: State, told: State | null): boolean;
  /** Whether nothing comes after it. */
  isOver(state: State): boolean;
}

/** One thing, as it is and as it becomes, until it is over or gone. Whoever is slow gets its latest state. */
export function latestSource<State>({ watch, isNews, isOver }: LatestOptions<State>): Source<State> {
  const wake = new Wake();
  let current: State | null | undefined;
  let told: State | null = null;
  const stop = watch((state) => {
    current = state;
    wake.raise();
  });
  return {
    async pull(ended) {
      while (!ended.aborted && current !== null && !(told && isOver(told))) {
        if (current && isNews(current, told)) {
          told = current;
          return told;
        }
        await wake.wait();
      }
      return null;
    },
    close() {
      stop();
      wake.raise();
    },
  };
}
