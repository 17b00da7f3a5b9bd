import { randomInt } from 'node:crypto';
import type { Tiers } from '../accounts/index.ts';
import type { Database, Tier } from '../database/index.ts';
import type { Carrier } from '../events/announcement.ts';
import type { Log } from '../log.ts';
import type { Nodes, StrategyName } from '../nodes/index.ts';
import type { Queue } from '../queue/index.ts';
import { type ClaimRequest, createClaim } from './claim.ts';
import type { Core } from './core.ts';
import { SHARDS } from './counts.ts';
import { createSettler, type Settled } from './settle.ts';
import { createSlotFreer, type SlotEnd } from './slots.ts';
import { createSubmitter } from './submit.ts';
import type { Claimed, Lease, Settlement, Submission, Submitted } from './types.ts';
import { createWorkers, DEFAULT_LEASE_MS, type Workers } from './workers.ts';

export { type ClaimRequest, WorkerLostError } from './claim.ts';
export { isFinal } from './lifecycle.ts';
export type { Settled } from './settle.ts';
export type { SlotEnd } from './slots.ts';
export type {
  AttemptEnd,
  Claimed,
  Lease,
  Settlement,
  Submission,
  Submitted,
  TaskErrorCode,
  TaskFailure,
} from './types.ts';
export type { WorkerInput } from './workers.ts';

/** The life of tasks, from submit to retention. Whose task it is, is the caller's to check. */
export interface Tasks extends Workers {
  /**
   * Accepts a task: durable once it resolves.
   * @throws NoSuchModelError, QueueFullError, QuotaExceededError, RateLimitedError, IdempotencyConflictError
   */
  submit(submission: Submission, tier: Tier): Promise<Submitted>;
  /**
   * Starts as many waiting tasks as there are places for, up to the limit.
   * @throws WorkerLostError where the worker has no lease
   */
  claim(request: ClaimRequest): Promise<Claimed[]>;
  /** Gives an attempt's slot back. Without effect where the lease has ended. */
  freeSlot(lease: Lease, end: SlotEnd): Promise<void>;
  /** Ends an attempt; its slot is not touched. */
  settle(settlement: Settlement): Promise<Settled>;
  /** Waits for what has been begun. */
  close(): Promise<void>;
}

export interface TasksConfig {
  readonly queueCapacity: number;
  readonly routingStrategy: StrategyName;
  readonly taskRetentionDays: number;
  /** How long a worker that does not renew is waited for. At most 15,000, which is the default. */
  readonly leaseMs?: number;
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
  const core: Core = { database, queue, carrier, log, shard: ({ lane }) => (firstShard + lane) % SHARDS };
  const submitter = createSubmitter(core, { nodes, tiers, queueCapacity: config.queueCapacity });
  const settler = createSettler(core);
  const slots = createSlotFreer(core);
  return {
    ...createWorkers(database.pool, config.leaseMs ?? DEFAULT_LEASE_MS),
    submit: submitter.submit,
    claim: createClaim(core, { nodes, routingStrategy: config.routingStrategy }),
    freeSlot: slots.freeSlot,
    settle: settler.settle,
    async close() {
      await Promise.all([submitter.idle(), settler.idle(), slots.idle()]);
    },
  };
}
