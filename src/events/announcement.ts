/**
 * What processes tell each other after a commit. A hint, never the data: whoever listens reads again, so a
 * lost one costs time and nothing else.
 */
export type Announcement =
  /** A task's row changed: a new version, or only newer progress. */
  | { readonly type: 'task'; readonly id: string; readonly userId: string }
  /** A queue has work. */
  | { readonly type: 'queue'; readonly id: string }
  /** A slot became free, or a node able to take work. */
  | { readonly type: 'slots' }
  /** A node's row changed. */
  | { readonly type: 'node'; readonly id: string }
  /** Whoever runs this attempt is to stop it. */
  | { readonly type: 'cancel'; readonly taskId: string; readonly attempt: number; readonly workerId: string }
  /** A generation's row changed, or there is a new one. */
  | { readonly type: 'generation'; readonly id: string }
  /** A user's credentials, role or state changed. */
  | { readonly type: 'account'; readonly userId: string };

/** Some announcements were lost or not told one by one: read everything again. */
export type Resync = { readonly type: 'resync' };

export interface Carrier {
  /**
   * Tells this process's listeners at once and other processes' within milliseconds; or does so in `afterMs`,
   * unless it is closed by then. Never throws, never waits.
   */
  announce(announcement: Announcement, afterMs?: number): void;
  /** Hears every process's announcements, this one's included. Returns what ends it. */
  listen(listener: (heard: Announcement | Resync) => void): () => void;
  /** Sends what is still to be sent, then closes. */
  close(): Promise<void>;
}
