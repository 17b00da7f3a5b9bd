import { randomInt } from 'node:crypto';
import type { Tiers } from '../accounts/index.ts';
import type { Database, Tier } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';
import type { Log } from '../log.ts';
import type { Nodes, StrategyName } from '../nodes/index.ts';
import type { Queue } from '../queue/index.ts';
import { type Bulk, createBulk } from './bulk.ts';
import { type CancelOutcome, createCancel } from './cancel.ts';
import { type ClaimRequest, createClaim } from './claim.ts';
import type { Core } from './core.ts';
import { SHARDS } from './counts.ts';
import { createFairShare, forgetIdleShares, rebaseScales } from './fair/index.ts';
import { createForecasts, type Forecasts } from './forecast/index.ts';
import { createLeftWorks, type LeftWorks } from './left-work.ts';
import type { ConcurrencyLimits } from './limits.ts';
import { createFailOverdue } from './overdue.ts';
import { queuePositions } from './positions.ts';
import { createPreviews, type Previews } from './previews.ts';
import { createProgress } from './progress.ts';
import { createRelease } from './release.ts';
import { createRemoteJobs, type RemoteJobs } from './remote-jobs.ts';
import { createRemove } from './remove.ts';
import { createRepair } from './repair.ts';
import { createResults, type Results } from './results.ts';
import { createRetention } from './retention.ts';
import { createRetry, type RetryOptions } from './retry.ts';
import { createSettler, type Settled } from './settle.ts';
import { createSlotFreer, type SlotEnd } from './slots.ts';
import { createStats, type Stats } from './stats.ts';
import { createStopped } from './stopped.ts';
import { createSubmitter } from './submit.ts';
import { createSweep } from './sweep.ts';
import { createTexts, type Texts } from './texts.ts';
import type {
  BatchSubmission,
  Claimed,
  Lease,
  Settlement,
  Submission,
  Submitted,
  SubmittedBatch,
} from './types.ts';
import { createWorkers, DEFAULT_LEASE_MS, type Workers } from './workers.ts';

export { type BatchPage, batchPageKey, readBatchPages } from './batch-pages.ts';
export type { CancelOutcome } from './cancel.ts';
export type { ClaimRequest } from './claim.ts';
export type { Edit } from './edit.ts';
export type { Estimate, EstimateRequest, WaitingReason } from './forecast/index.ts';
export { cancelIfOpen } from './in-time.ts';
export type { LeftWork } from './left-work.ts';
export type { Pages } from './pages.ts';
export type { RemoteJobs } from './remote-jobs.ts';
export { areNeeded, lockTogether, removeTogether } from './remove.ts';
export type { MadeResult } from './results.ts';
export type { Settled } from './settle.ts';
export type { SlotEnd } from './slots.ts';
export { WorkerLostError } from './snapshot.ts';
export type { QueueStats, Stats } from './stats.ts';
export type {
  AttemptEnd,
  BatchMember,
  BatchSubmission,
  Claimed,
  Lease,
  Settlement,
  Submission,
  Submitted,
  SubmittedBatch,
  TaskErrorCode,
  TaskFailure,
} from './types.ts';
export type { WorkerInput } from './workers.ts';

/** The life of tasks, from submit to retention. Whose task it is, is the caller's to check. */
export interface Tasks extends Workers, Previews, Texts, Forecasts, LeftWorks, Results, Bulk {
  /**
   * Accepts a task: durable once it resolves.
   * @throws NoSuchModelError, QueueFullError, QuotaExceededError, RateLimitedError, IdempotencyConflictError
   */
  submit(submission: Submission, tier: Tier): Promise<Submitted>;
  /**
   * Accepts all of the tasks, or none.
   * @throws as `submit`, for the whole of them; InvalidInputError where something that they depend on is gone
   */
  submitBatch(batch: BatchSubmission, tier: Tier): Promise<SubmittedBatch>;
  /**
   * Starts as many waiting tasks as there are places for, up to the limit.
   * @throws WorkerLostError where the worker has no lease
   */
  claim(request: ClaimRequest): Promise<readonly Claimed[]>;
  /** Gives an attempt's slot back. Without effect where the lease has ended. */
  freeSlot(lease: Lease, end: SlotEnd): Promise<void>;
  /** Ends an attempt; its slot is not touched. */
  settle(settlement: Settlement): Promise<Settled>;
  /**
   * Shows how far an attempt is, never less than before, within a fraction of a second; lost where it cannot
   * be written.
   */
  reportProgress(lease: Lease, value: number | null, message?: string | null): void;
  /** What attempts keep of the jobs that they have on nodes. */
  readonly remoteJobs: RemoteJobs;
  /** Tells whoever canceled the task whether its node stopped working on it. */
  stopped(lease: Pick<Lease, 'taskId' | 'attempt'>, isStopped: boolean): Promise<void>;
  /**
   * Ends a task for good, and waits a moment for what becomes of a running call. Repeated, it answers the same.
   * @param by who asks for it, a user's id: the log tells
   * @throws NotFoundError; InvalidStateError where it succeeded or failed before
   */
  cancel(taskId: string, by?: string): Promise<{ readonly outcome: CancelOutcome }>;
  /**
   * Puts a task that failed or was canceled back into its queue, with all its tries; with it whatever it depends on
   * and did not succeed, and whatever failed for nothing but one of these. Those wait for each other as at first; what has
   * a start time in the future, for that.
   * @throws NotFoundError, InvalidStateError; NoSuchModelError for that of an edit
   */
  retry(taskId: string, options?: RetryOptions): Promise<void>;
  /** Deletes a task that has ended. @throws NotFoundError, InvalidStateError */
  remove(taskId: string): Promise<void>;
  /** Where these tasks stand in their queues, 1 being next; those that do not wait are left out. */
  queuePositions(taskIds: readonly string[]): Promise<Map<string, number>>;
  stats(): Promise<Stats>;

  // Housekeeping, for one process at a time to call now and then. Each answers how much it changed.

  /** Takes what lost workers held: their attempts end, their tasks go back or fail. Every second or so. */
  sweep(): Promise<number>;
  /** Queues the scheduled tasks whose start time has come. Every second or so. */
  releaseDue(): Promise<number>;
  /** Fails the waiting tasks whose deadline has passed. Every second or so. */
  failOverdue(): Promise<number>;
  /** Deletes the tasks that ended longer ago than they are kept, until the signal aborts. Every few minutes. */
  applyRetention(signal?: AbortSignal): Promise<number>;
  /**
   * Gives queued tasks without a job, which only somebody else can have made, a new one: by the minute in the
   * queues where the counts betray them, hourly everywhere.
   */
  repair(where: 'suspects' | 'everywhere'): Promise<number>;
  /** Puts virtual time back where it has come far: at start and hourly. */
  rebase(): Promise<number>;
  /** Forgets the shares of users who have been away for long. Every hour or so. */
  forgetShares(): Promise<number>;
  /** Writes what is still to be written, and waits for what has been begun. */
  close(): Promise<void>;
}

export interface TasksConfig {
  readonly queueCapacity: number;
  readonly routingStrategy: StrategyName;
  readonly taskRetentionDays: number;
  /** In the whole system; none unless said otherwise. */
  readonly concurrencyLimits?: ConcurrencyLimits;
  /** How long a worker that does not renew is waited for. At most 15,000, which is the default. */
  readonly leaseMs?: number;
  /** How long a cancel waits to hear what became of the call; 500 unless said otherwise. */
  readonly stopWaitMs?: number;
}

export interface TasksOptions {
  readonly database: Database;
  readonly queue: Queue;
  readonly carrier: Carrier;
  readonly nodes: Nodes;
  readonly tiers: Tiers;
  readonly config: TasksConfig;
  readonly log: Log;
}

export function createTasks({ database, queue, carrier, nodes, tiers, config, log }: TasksOptions): Tasks {
  // Processes begin at different shards; the transactions of one have a lane each.
  const firstShard = randomInt(SHARDS);
  const shares = createFairShare({ database, queue, nodes, tiers, log });
  const shard: Core['shard'] = ({ lane }) => (firstShard + lane) % SHARDS;
  const core: Core = { database, queue, carrier, log, shares, shard };
  const submitter = createSubmitter(core, { nodes, tiers, queueCapacity: config.queueCapacity });
  const settler = createSettler(core);
  const slots = createSlotFreer(core);
  const progress = createProgress(core);
  const texts = createTexts(core);
  const { routingStrategy, concurrencyLimits: limits = { kinds: {}, models: {} } } = config;
  const { retry, retryMany } = createRetry(core, nodes);
  const { cancel, cancelNow } = createCancel(core, config.stopWaitMs);
  return {
    ...createPreviews(core),
    ...texts,
    ...createWorkers(database.pool, config.leaseMs ?? DEFAULT_LEASE_MS),
    submit: submitter.submit,
    submitBatch: submitter.submitBatch,
    ...createResults(core),
    claim: createClaim(core, { nodes, tiers, limits, routingStrategy }),
    ...createForecasts(core, { nodes, tiers, limits, strategy: routingStrategy }),
    freeSlot: slots.freeSlot,
    settle: settler.settle,
    reportProgress: progress.reportProgress,
    remoteJobs: createRemoteJobs(core),
    ...createLeftWorks(core),
    stopped: createStopped(core),
    cancel,
    async retry(taskId, options) {
      await retry(taskId, options);
    },
    ...createBulk(core, { retryMany, cancelNow }),
    remove: createRemove(core),
    queuePositions: (taskIds) => queuePositions(database, taskIds),
    stats: createStats({ database, nodes, queueCapacity: config.queueCapacity }),
    sweep: createSweep(core),
    releaseDue: createRelease(core),
    failOverdue: createFailOverdue(core),
    applyRetention: createRetention(core, config.taskRetentionDays),
    repair: createRepair(core),
    rebase: () => rebaseScales(database),
    forgetShares: () => forgetIdleShares(database),
    async close() {
      await progress.close();
      await texts.close();
      await Promise.all([submitter.idle(), settler.idle(), slots.idle()]);
      await shares.idle();
    },
  };
}
