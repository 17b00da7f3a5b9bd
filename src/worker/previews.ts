import { setTimeout as sleep } from 'node:timers/promises';
import type { Artifacts } from '../artifacts/index.ts';
import type { Log } from '../log.ts';
import type { MadeFile } from '../nodes/index.ts';
import type { Claimed, Tasks } from '../tasks/index.ts';
import { within } from '../within.ts';

/** Between two of an attempt. */
const INTERVAL_MS = 500;
/** What is larger is no preview. */
const MAX_BYTES = 2 * 1024 * 1024;
/** The one before stays for a moment: somebody may have been told of it just now. */
const KEPT = 2;

/** The intermediate pictures of one attempt. */
export interface AttemptPreviews {
  /** Shows the picture soon, unless a later one comes before. Never waits, never throws. */
  show(picture: MadeFile): void;
  /** The attempt is over: its previews go, with their files. */
  end(): void;
}

export interface Previews {
  of(claimed: Claimed): AttemptPreviews;
  /** Resolves when nothing is being stored or removed, or after that time. */
  idle(timeoutMs: number): Promise<void>;
}

export interface PreviewsOptions {
  readonly tasks: Pick<Tasks, 'showPreview'>;
  readonly artifacts: Pick<Artifacts, 'save' | 'remove'>;
  readonly log: Log;
}

/** Stores intermediate pictures beside the runs, which never wait for it: what can't be stored is lost. */
export function createPreviews({ tasks, artifacts, log }: PreviewsOptions): Previews {
  const busy = new Set<Promise<void>>();

  function follow(work: Promise<void>): void {
    const followed: Promise<void> = work
      .catch((error: unknown) => log.warn({ err: error }, 'a preview was lost'))
      .finally(() => busy.delete(followed));
    busy.add(followed);
  }

  function of({ lease, userId }: Claimed): AttemptPreviews {
    const over = new AbortController();
    let latest: MadeFile | null = null;
    let isShowing = false;
    let stored: string[] = [];

    async function remove(count: number): Promise<void> {
      const old = stored.slice(0, count);
      stored = stored.slice(count);
      if (old.length > 0) await artifacts.remove(old);
    }

    async function store({ bytes, mimeType }: MadeFile): Promise<void> {
      const { id } = await artifacts.save({ userId, bytes, mimeType, overQuota: true });
      stored.push(id);
      if (!over.signal.aborted && !(await tasks.showPreview(lease, id))) over.abort();
      await remove(stored.length - KEPT);
    }

    async function showAll(): Promise<void> {
      try {
        while (latest && !over.signal.aborted) {
          const picture = latest;
          latest = null;
          const pause = sleep(INTERVAL_MS, undefined, { signal: over.signal }).catch(() => undefined);
          await store(picture);
          await pause;
        }
      } finally {
        isShowing = false;
        if (over.signal.aborted) await remove(stored.length);
      }
    }

    return {
      show(picture) {
        if (over.signal.aborted || picture.bytes.byteLength > MAX_BYTES) return;
        latest = picture;
        if (isShowing) return;
        isShowing = true;
        follow(showAll());
      },
      end() {
        if (over.signal.aborted && stored.length === 0) return;
        over.abort();
        // Else whoever is showing one removes them.
        if (!isShowing) follow(remove(stored.length));
      },
    };
  }

  return {
    of,
    async idle(timeoutMs) {
      await within(timeoutMs, Promise.all(busy));
    },
  };
}
