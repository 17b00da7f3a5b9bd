import type { Artifacts } from '../artifacts/index.ts';
import type { KindInput, KindName, Media } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import type { MadeByKind, Nodes } from '../nodes/index.ts';
import type { Claimed, Tasks } from '../tasks/index.ts';
import type { Previews } from './previews.ts';

/** What the worker needs of the tasks. */
export type WorkerTasks = Pick<
  Tasks,
  | 'join'
  | 'renew'
  | 'leave'
  | 'claim'
  | 'freeSlot'
  | 'settle'
  | 'reportProgress'
  | 'showPreview'
  | 'writeText'
  | 'endText'
  | 'stopped'
  | 'remoteJobs'
  | 'resultsOf'
>;

/** An attempt that the worker itself works on, its input checked and its files at hand. */
export interface LocalJob<K extends KindName> {
  readonly claimed: Claimed;
  readonly input: KindInput<K>;
  readonly media: readonly Media[];
  /** Aborts when the attempt is over: at its timeout, at a cancel, and when the process stops. */
  readonly signal: AbortSignal;
  /** A fraction between 0 and 1 that never falls, and what is being done. */
  progress(value: number | null, message?: string): void;
}

/** What the built-in node does, and how. It throws what protocols throw: a `NodeFault`, or the signal's reason. */
export type LocalWork = {
  readonly [K in KindName]?: (job: LocalJob<K>) => Promise<MadeByKind[K]>;
};

/** What an attempt needs to run. */
export interface RunContext {
  readonly tasks: WorkerTasks;
  readonly nodes: Nodes;
  readonly artifacts: Artifacts;
  readonly previews: Previews;
  readonly localWork?: LocalWork;
  /** Whether what this process has claimed is certainly still its own. */
  isLeaseFresh(claimed: Claimed): boolean;
  /** Aborts when the process gives up writing to the database. */
  readonly gone: AbortSignal;
  readonly log: Log;
}
