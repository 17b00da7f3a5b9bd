import { createRecheck, createStream, type Feed } from '../events/index.ts';
import type { Core } from './core.ts';
import { createEventReader, type EventRow, type ModelProgress } from './log.ts';
import { generationSource } from './stream.ts';
import { createGenerationWatch } from './watch.ts';

export interface GenerationFeed {
  /**
   * The log of a generation above version `after`, in order and without a gap, and in between how far its model is.
   * Ends when the generation has ended, and when it is deleted; above the last version it waits.
   */
  events(
    id: string,
    after: number,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterableIterator<EventRow | ModelProgress>;
  /** Ends every stream; resolves when nothing is being read any more. */
  close(): Promise<void>;
}

/** How soon a change is found that nobody told of. */
const RECHECK_MS = 2_000;
const RECHECK_PAUSE_MS = 100;

export interface GenerationFeedOptions extends Pick<Core, 'database' | 'carrier' | 'log'> {
  readonly feed: Pick<Feed, 'task'>;
}

export function createGenerationFeed(options: GenerationFeedOptions): GenerationFeed {
  const { database, carrier, feed, log } = options;
  const watch = createGenerationWatch(database, log);
  const reader = createEventReader(database);
  const closing = new AbortController();
  const recheck = createRecheck({
    work: () => watch.recheck(),
    isNeeded: () => watch.active,
    everyMs: RECHECK_MS,
    pauseMs: RECHECK_PAUSE_MS,
  });
  const deafen = carrier.listen((heard) => {
    if (heard.type === 'generation') watch.heard(heard.id);
    else if (heard.type === 'resync') recheck.soon();
  });
  return {
    events(id, after, { signal } = {}) {
      recheck.start();
      const source = generationSource({ watch, reader, feed, id, after });
      return createStream(source, signal ? [closing.signal, signal] : [closing.signal]);
    },
    async close() {
      deafen();
      closing.abort();
      await Promise.all([recheck.stop(), watch.close()]);
    },
  };
}
