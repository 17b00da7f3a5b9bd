import type { Database, GpuNode } from '../database/index.ts';
import type { Log } from '../log.ts';
import { createBackoff } from './backoff.ts';

type NodeListener = (row: GpuNode) => void;

export interface NodeWatch {
  /** Tells every node that is not removed, then each node after a change. Returns what ends it. */
  all(changed: NodeListener): () => void;
  /** Somebody said that this node changed. */
  heard(id: string): void;
  /** Looks for changes that nobody told of. */
  recheck(): void;
  readonly active: boolean;
  /** Resolves when nothing is being read any more. */
  close(): Promise<void>;
}

/** With how many of its slots are busy, which nobody announces: from it comes whether a drain has ended, too. */
const ofAll = {
  // The built-in one, which is Switchyard itself, is on no list.
  where: { protocol: { not: 'LOCAL' } },
  include: { _count: { select: { slots: { where: { taskId: { not: null } } } } } },
  orderBy: { id: 'asc' },
} as const;

/** What makes a change worth telling when nobody announced it: a probe or a heartbeat alone does not. */
function fingerprint(row: GpuNode): string {
  return JSON.stringify({ ...row, lastSeenAt: null, nextProbeAt: null, loadedAt: null, leaseUntil: null });
}

/** Reads all nodes together, once for all who watch them: there are few. */
export function createNodeWatch({ database, log }: { database: Database; log: Log }): NodeWatch {
  const listeners = new Set<NodeListener>();
  const known = new Map<string, string>();
  const backoff = createBackoff();
  const closing = new AbortController();
  let newcomers = new Set<NodeListener>();
  let announced = new Set<string>();
  let stale = false;
  let loading: Promise<void> | null = null;

  function reload(): void {
    stale = true;
    loading ??= Promise.resolve().then(load);
  }

  async function load(): Promise<void> {
    while (stale && listeners.size > 0 && !closing.signal.aborted) {
      stale = false;
      const [fresh, named] = [newcomers, announced];
      newcomers = new Set();
      announced = new Set();
      try {
        publish(await database.prisma.gpuNode.findMany(ofAll), fresh, named);
        backoff.reset();
      } catch (error) {
        log.warn({ err: error }, 'cannot load nodes');
        newcomers = new Set([...newcomers, ...fresh]);
        announced = new Set([...announced, ...named]);
        stale = true;
        await backoff.wait(closing.signal);
      }
    }
    loading = null;
  }

  function publish(rows: readonly GpuNode[], fresh: Set<NodeListener>, named: Set<string>): void {
    for (const row of rows) {
      const now = fingerprint(row);
      const isNews = named.has(row.id) || known.get(row.id) !== now;
      known.set(row.id, now);
      for (const changed of listeners) {
        if (fresh.has(changed) ? row.state !== 'REMOVED' : isNews) changed(row);
      }
    }
  }

  return {
    get active() {
      return listeners.size > 0;
    },
    all(changed) {
      const listener: NodeListener = (row) => changed(row);
      listeners.add(listener);
      newcomers.add(listener);
      reload();
      return () => {
        listeners.delete(listener);
        newcomers.delete(listener);
        if (listeners.size === 0) known.clear();
      };
    },
    heard(id) {
      if (listeners.size === 0) return;
      announced.add(id);
      reload();
    },
    recheck() {
      if (listeners.size > 0) reload();
    },
    async close() {
      closing.abort();
      listeners.clear();
      await loading;
    },
  };
}
