import type { Feed, Source } from '../events/index.ts';
import { patiently, Wake } from '../events/index.ts';
import type { EventReader, EventRow, ModelProgress } from './log.ts';
import { isFinalStatus } from './types.ts';
import type { GenerationWatch, Standing } from './watch.ts';

export interface GenerationSourceOptions {
  readonly watch: GenerationWatch;
  readonly reader: EventReader;
  readonly feed: Pick<Feed, 'task'>;
  readonly id: string;
  readonly after: number;
}

/** How far the model is that is being made: the latest, as often as somebody asks for it. */
class Progress {
  readonly #feed: Pick<Feed, 'task'>;
  readonly #wake: Wake;
  #taskId: string | null = null;
  #watching = new AbortController();
  #value: number | null = null;

  constructor(feed: Pick<Feed, 'task'>, wake: Wake) {
    this.#feed = feed;
    this.#wake = wake;
  }

  /** Follows that task, and no other one any more. */
  follow(taskId: string | null): void {
    if (taskId === this.#taskId) return;
    this.#watching.abort();
    this.#taskId = taskId;
    this.#value = null;
    if (taskId === null) return;
    this.#watching = new AbortController();
    void this.#read(taskId, this.#watching.signal);
  }

  async #read(taskId: string, signal: AbortSignal): Promise<void> {
    for await (const { status, progress } of this.#feed.task(taskId, { signal })) {
      if (signal.aborted || status !== 'RUNNING' || progress === null) continue;
      this.#value = progress;
      this.#wake.raise();
    }
  }

  /** What has not been taken yet. */
  take(): number | null {
    const value = this.#value;
    this.#value = null;
    return value;
  }
}

/** Whether nothing more comes. A failure of which a task was retried just now is not the end. */
function isOver({ status, isFollowed }: Standing): boolean {
  const isRetried = isFollowed && (status === 'IMAGE_FAILED' || status === 'MODEL_FAILED');
  return isFinalStatus(status) && !isRetried;
}

/**
 * The durable log of one generation above a version, until that ends or is gone; and, when all of it is told, how far
 * the model is that is being made.
 */
export function generationSource({
  watch,
  reader,
  feed,
  id,
  after,
}: GenerationSourceOptions): Source<EventRow | ModelProgress> {
  const wake = new Wake();
  const progress = new Progress(feed, wake);
  let current: Standing | null | undefined;
  let page: Iterator<EventRow> = [].values();
  let told = after;
  const stop = watch.one(id, (standing) => {
    current = standing;
    progress.follow(standing?.status === 'MODEL_GENERATING' ? standing.modelTaskId : null);
    wake.raise();
  });

  /** When all of the log is told. What was read of it may be ahead of where the generation was seen last. */
  function live(): ModelProgress | null {
    const isMade = current?.status === 'MODEL_GENERATING' && current.version === told;
    const value = isMade ? progress.take() : null;
    return value === null
      ? null
      : { generationId: id, version: told, type: 'ModelProgress', progress: value, at: reader.now() };
  }

  return {
    async pull(ended) {
      while (!ended.aborted && current !== null) {
        const event = page.next();
        if (!event.done) {
          told = event.value.version;
          return event.value;
        }
        if (current && current.version > told) {
          const events = await patiently(() => reader.read(id, told), ended);
          // Deleted since.
          if (events.length === 0) return null;
          page = events.values();
          continue;
        }
        if (current?.version === told && isOver(current)) return null;
        const news = live();
        if (news) return news;
        await wake.wait();
      }
      return null;
    },
    close() {
      stop();
      progress.follow(null);
      wake.raise();
    },
  };
}
