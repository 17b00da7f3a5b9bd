import type { AttemptOutcome, Task, TaskData, TaskPriority } from '../database/index.ts';
import type { KindName } from '../kinds/index.ts';

/** A validated submission. Files are artifacts by now. */
export interface Submission {
  /** Chosen by whoever may have to repeat it, so that there is one task however often it comes; else it gets one. */
  readonly taskId?: string;
  readonly userId: string;
  readonly kind: KindName;
  /** Null: the kind's default. */
  readonly model: string | null;
  /** As the kind's input schema answered it. */
  readonly input: unknown;
  readonly priority: TaskPriority;
  readonly startAt: Date | null;
  readonly deadline: Date | null;
  /** Null: the kind's. */
  readonly timeoutMs: number | null;
  readonly maxAttempts: number;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly idempotencyKey: string | null;
  /** sha256 over everything that makes two submissions the same: files by their own sha256, `waitMs` left out. */
  readonly inputHash: Uint8Array;
  /** Artifacts that the input names. */
  readonly artifactIds: readonly string[];
  /** Where its events are told, beside where its user is told of all tasks. */
  readonly webhookUrl?: string;
  /** Row ids of the tasks that have to succeed before it can run: its user's own. */
  readonly dependsOn?: readonly string[];
  /** Whose texts stand in its input as `{{name}}`: row ids by name, of tasks that it depends on. */
  readonly texts?: Readonly<Record<string, string>>;
  /** The `traceparent` of whoever submits it, where there are traces. */
  readonly trace?: string;
}

/** Submissions that are written together, all of them or none. */
export interface BatchSubmission {
  readonly userId: string;
  readonly idempotencyKey: string | null;
  /** sha256 over everything that makes two batches the same. */
  readonly inputHash: Uint8Array;
  readonly tasks: readonly BatchMember[];
}

/** Parents come before their children, and have lower ids. */
export interface BatchMember {
  readonly taskId: string;
  /** What the batch calls it. */
  readonly ref: string | null;
  readonly submission: Submission;
}

/** What became of a batch. */
export interface SubmittedBatch {
  readonly batchId: string;
  /** True: the batch of an earlier submission with the same key and input. */
  readonly existing: boolean;
}

/** What became of a submission. */
export interface Submitted {
  readonly taskId: string;
  /** As it was written, where this submission made it: nobody need read it again. */
  readonly written?: Task & { readonly data: TaskData };
  /** True: the task of an earlier submission with the same key and input. */
  readonly existing: boolean;
}

/** A lease of a slot for one attempt; fences all that is said about it. */
export interface Lease {
  readonly taskId: string;
  readonly attempt: number;
  readonly nodeId: string;
  readonly slotNo: number;
  readonly epoch: number;
  /** The job as it was fetched for this attempt: the queue's own fence. */
  readonly job: { readonly id: string; readonly retryCount: number };
}

/** What a claim hands to the worker. */
export interface Claimed {
  readonly lease: Lease;
  readonly userId: string;
  readonly queueId: string;
  readonly kind: KindName;
  readonly model: string;
  readonly input: unknown;
  /** As in {@link Submission}; null: none. */
  readonly texts?: Readonly<Record<string, string>> | null;
  readonly timeoutMs: number;
  readonly deadline: Date | null;
  readonly cost: number;
  /** The `traceparent` of whoever submitted it, where there is one. */
  readonly trace?: string | undefined;
  /** Whether the node has to load the model first. */
  readonly isSwap: boolean;
  /** Monotonic (`performance.now()`), taken before the claim was sent: its true age is at most this much. */
  readonly claimedAt: number;
}

export type TaskErrorCode =
  | 'NODE_REJECTED'
  | 'NODE_ERROR'
  | 'NODE_UNREACHABLE'
  | 'BAD_NODE_ANSWER'
  | 'TIMED_OUT'
  | 'WORKER_LOST'
  | 'DEADLINE_EXCEEDED'
  | 'INPUT_UNAVAILABLE'
  | 'STORAGE_ERROR'
  | 'DEPENDENCY_FAILED'
  | 'INTERNAL_ERROR';

/** The failure of an attempt, as it is stored and shown. */
export interface TaskFailure {
  readonly code: TaskErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly attempt: number;
}

/** How an attempt ended. */
export type AttemptEnd =
  | {
      readonly type: 'succeeded';
      /** As the kind's output schema has it. */
      readonly result: unknown;
      readonly artifactIds: readonly string[];
    }
  | {
      readonly type: 'failed';
      readonly outcome: Extract<AttemptOutcome, 'FAILED' | 'TIMED_OUT' | 'NODE_LOST' | 'WORKER_LOST'>;
      readonly error: TaskFailure;
      /** False: back to the queue whatever the tries (node full, refused before it was sent, worker drains). */
      readonly spendsAttempt: boolean;
      /** Before the next try; null: exponential back-off with jitter. */
      readonly retryAfterMs: number | null;
    };

export interface Settlement {
  readonly lease: Lease;
  readonly queueId: string;
  readonly end: AttemptEnd;
  /** Milliseconds that the attempt held its slot. */
  readonly gpuMs: number;
}
