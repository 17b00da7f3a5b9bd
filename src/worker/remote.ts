import type { RemoteJob } from '../nodes/index.ts';
import type { Claimed, RemoteJobs } from '../tasks/index.ts';
import { AttemptFault } from './outcome.ts';
import { persist } from './persist.ts';
import type { RunContext } from './types.ts';

/** An attempt's hold on the job that its task has on the node. */
export interface RemoteHold {
  /** As the protocol sees it. */
  readonly job: RemoteJob;
  /** Of the job that is known to be there now. */
  readonly handle: string | null;
}

export type RemoteContext = Pick<RunContext, 'gone' | 'log'> & { readonly remoteJobs: RemoteJobs };

/**
 * Finds what an earlier attempt left on the claimed node.
 * @throws AttemptFault where one may have submitted a job, and nobody knows
 */
export async function holdRemoteJob({ lease }: Claimed, context: RemoteContext): Promise<RemoteHold> {
  const { remoteJobs } = context;
  const isFirst = lease.attempt === 1;
  const left = isFirst ? null : await persist(() => remoteJobs.find(lease), context);
  if (left !== null && left.handle === null) {
    throw new AttemptFault('WORKER_LOST', 'an attempt was lost while it submitted the job', undefined);
  }
  let handle = left?.handle ?? null;

  const job: RemoteJob = {
    handle,
    isOverdue: left?.isOverdue ?? false,
    async submitting() {
      if (await persist(() => remoteJobs.mark(lease), context)) return;
      throw new AttemptFault('WORKER_LOST', 'the attempt ended before it submitted the job', undefined);
    },
    async keep(given) {
      handle = given;
      await persist(() => remoteJobs.keep(lease, given), context);
    },
    async forget() {
      handle = null;
      await persist(() => remoteJobs.forget(lease), context);
    },
  };
  return {
    job,
    get handle() {
      return handle;
    },
  };
}
