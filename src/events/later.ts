import type { Announcement } from './announcement.ts';

/** What is due within this time of each other, and says the same, is told once. */
const TOGETHER_MS = 10;

/** Announcements whose time has not come. */
export interface Later {
  add(announcement: Announcement, afterMs: number): void;
  /** Forgets them. */
  close(): void;
}

export function createLater(announce: (announcement: Announcement) => void): Later {
  const timers = new Map<string, NodeJS.Timeout>();
  return {
    add(announcement, afterMs) {
      const now = performance.now();
      const due = Math.ceil((now + afterMs) / TOGETHER_MS) * TOGETHER_MS;
      const key = `${due} ${JSON.stringify(announcement)}`;
      if (timers.has(key)) return;
      const tell = (): void => {
        timers.delete(key);
        announce(announcement);
      };
      timers.set(key, setTimeout(tell, Math.ceil(due - now)));
    },
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}
