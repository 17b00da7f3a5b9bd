import type { Accounts, Viewer } from '../accounts/index.ts';
import type { DatabaseClock } from '../database/index.ts';
import { RefusedError } from '../errors.ts';
import type { Carrier } from '../events/index.ts';
import type { Log } from '../log.ts';

/** Tells when somebody's credential ends while he is still connected. */
export interface ViewerWatch {
  /** Calls `ended` once: at expiry, revocation, or when the user is disabled. Returns what stops watching. */
  watch(viewer: Viewer, ended: (reason: RefusedError) => void): () => void;
  close(): void;
}

/** Longer waits overflow; they are begun again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Watched {
  readonly viewer: Viewer;
  readonly ended: (reason: RefusedError) => void;
  timer: NodeJS.Timeout | undefined;
}

export interface ViewerWatchOptions {
  readonly accounts: Accounts;
  readonly carrier: Carrier;
  readonly clock: DatabaseClock;
  readonly log: Log;
}

export function createViewerWatch({ accounts, carrier, clock, log }: ViewerWatchOptions): ViewerWatch {
  const byUser = new Map<string, Set<Watched>>();

  function forget(watched: Watched): void {
    clearTimeout(watched.timer);
    const those = byUser.get(watched.viewer.userId);
    those?.delete(watched);
    if (those?.size === 0) byUser.delete(watched.viewer.userId);
  }

  function end(watched: Watched, message: string): void {
    if (!byUser.get(watched.viewer.userId)?.has(watched)) return;
    forget(watched);
    watched.ended(new RefusedError('UNAUTHENTICATED', message));
  }

  function arm(watched: Watched): void {
    const { expiresAt } = watched.viewer;
    if (expiresAt === null) return;
    const left = expiresAt.getTime() - clock.now().getTime();
    if (left > 0) {
      watched.timer = setTimeout(() => arm(watched), Math.min(left, MAX_TIMER_MS));
      watched.timer.unref();
    } else end(watched, 'the credential has expired');
  }

  async function recheck(those: Iterable<Watched>): Promise<void> {
    for (const watched of [...those]) {
      try {
        if ((await accounts.recheck(watched.viewer)) === null) end(watched, 'the credential has ended');
      } catch (error) {
        // Delivery asks again each time; here it is only sooner.
        log.warn({ err: error }, 'cannot check whether a credential is still good');
      }
    }
  }

  const deafen = carrier.listen((heard) => {
    if (heard.type === 'account') void recheck(byUser.get(heard.userId) ?? []);
    if (heard.type === 'resync') for (const those of byUser.values()) void recheck(those);
  });

  return {
    watch(viewer, ended) {
      const watched: Watched = { viewer, ended, timer: undefined };
      const those = byUser.get(viewer.userId) ?? new Set();
      byUser.set(viewer.userId, those.add(watched));
      arm(watched);
      return () => forget(watched);
    },
    close() {
      deafen();
      for (const those of byUser.values()) for (const watched of those) clearTimeout(watched.timer);
      byUser.clear();
    },
  };
}
