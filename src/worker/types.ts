import type { Artifacts } from '../artifacts/index.ts';
import type { Log } from '../log.ts';
import type { Nodes } from '../nodes/index.ts';
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
>;

/** What an attempt needs to run. */
export interface RunContext {
  readonly tasks: WorkerTasks;
  readonly nodes: Nodes;
  readonly artifacts: Artifacts;
  readonly previews: Previews;
  /** Whether what this process has claimed is certainly still its own. */
  isLeaseFresh(claimed: Claimed): boolean;
  /** Aborts when the process gives up writing to the database. */
  readonly gone: AbortSignal;
  readonly log: Log;
}
