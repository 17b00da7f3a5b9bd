import type { TaskPriority } from '../../database/index.ts';
import { offersModel } from '../../nodes/index.ts';
import { compare } from '../priority.ts';
import type { Forecast } from './forecast.ts';

/** Why a task waits. */
export type WaitingReason =
  | 'ALL_SLOTS_BUSY'
  | 'NO_HEALTHY_NODE'
  | 'MODEL_LOADING'
  | 'FAIR_SHARE'
  | 'CONCURRENCY_LIMIT'
  | 'RETRY_BACKOFF'
  | 'SCHEDULED'
  | 'DEPENDENCY';

/** A job that waits, as far as its reason depends on it. */
export interface WaitingJob {
  readonly jobId: string;
  readonly userId: string;
  readonly queueId: string;
  readonly kind: string;
  readonly model: string;
  readonly priority: TaskPriority;
  /** When it was queued, in milliseconds of the database's clock. */
  readonly queuedAt: number;
}

/** A job near the head of its queue. */
export interface Head {
  readonly jobId: string;
  readonly userId: string;
  readonly priority: TaskPriority;
  readonly queuedAt: number;
}

/** Whether somebody else's task, queued later and with no higher priority, is before it. */
function isOvertaken(job: WaitingJob, heads: readonly Head[]): boolean {
  const place = heads.findIndex(({ jobId }) => jobId === job.jobId);
  const ahead = place < 0 ? heads : heads.slice(0, place);
  return ahead.some(
    ({ userId, queuedAt, priority }) =>
      userId !== job.userId && queuedAt > job.queuedAt && compare(priority, job.priority) <= 0,
  );
}

/**
 * Why the planner does not start the job; null where it is about to.
 * @param heads of its queue, in their order
 */
export function reasonOf(
  job: WaitingJob,
  { situation, simulated }: Forecast,
  heads: readonly Head[],
): WaitingReason | null {
  const { nodes, queues, limits, fullUsers, room } = situation;
  const head = queues.find(({ id }) => id === job.queueId)?.heads.find(({ id }) => id === job.jobId);
  const able = nodes.filter((node) => (head?.nodeId ? node.id === head.nodeId : offersModel(node, job)));
  const hasSlots = able.some(({ freeSlots, busyForSeconds }) => freeSlots.length + busyForSeconds.length > 0);
  if (!hasSlots) return 'NO_HEALTHY_NODE';
  const isFull = limits.kinds?.get(job.kind) === 0 || limits.models?.get(job.model) === 0;
  if (isFull || fullUsers.has(job.userId)) return 'CONCURRENCY_LIMIT';
  if (simulated.now.has(job.jobId)) return null;
  const idle = room > 0 ? able.filter(({ id }) => simulated.idle.has(id)) : [];
  const isLoadedElsewhere = ({ loadedModels }: (typeof able)[number]): boolean =>
    loadedModels != null && !loadedModels.includes(job.model);
  if (idle.some(isLoadedElsewhere)) return 'MODEL_LOADING';
  return isOvertaken(job, heads) ? 'FAIR_SHARE' : 'ALL_SLOTS_BUSY';
}
