import type { TaskPriority, Transaction } from '../database/index.ts';
import type { Sent } from './sent.ts';

/** The queue of one kind and model. */
export interface QueueRow {
  readonly id: string;
  readonly kind: string;
  readonly model: string;
  /** pg-boss's name for it. */
  readonly name: string;
}

/** What a job carries, so that the planner need not look at its task. */
export interface JobData {
  readonly taskId: string;
  readonly userId: string;
  /** Units of work. */
  readonly cost: number;
  readonly taskPriority: TaskPriority;
  /** The `traceparent` of whoever submitted the task, where there are traces. */
  readonly trace?: string;
}

export interface NewJob extends JobData {
  /** Never one that was inserted before: pg-boss ignores those without a word. */
  readonly id: string;
  readonly priority: number;
}

/** A job as it was fetched once: what is done to it is void after the next fetch. */
export interface JobAttempt {
  readonly id: string;
  readonly retryCount: number;
}

export interface FetchedJob extends JobAttempt, Pick<JobData, 'taskId' | 'taskPriority'> {
  readonly priority: number;
  readonly trace: string | null;
}

export interface JobKey {
  readonly queue: QueueRow;
  readonly id: string;
}

export interface LockedJob extends JobAttempt {
  /** False for a job that is through. */
  readonly isLive: boolean;
}

/** A job that is due, near the head of its queue. */
export interface QueueHead extends JobData {
  readonly queue: QueueRow;
  readonly jobId: string;
  readonly priority: number;
  readonly createdAt: Date;
}

/**
 * The face of pg-boss. Every statement joins the caller's transaction; those that answer a {@link Sent} are
 * on their way when the method resolves, and what the caller sends next comes after them.
 */
export interface Queue {
  /** The queue of that kind and model, made where there is none. Commits on its own. */
  ensure(kind: string, model: string): Promise<QueueRow>;
  /** @throws where there is no such queue */
  get(id: string): Promise<QueueRow>;
  /** Fails the transaction, whether the answer is waited for or not, where a job's id had been used before. */
  insert(tx: Transaction, queue: QueueRow, jobs: readonly NewJob[]): Promise<Sent<void>>;
  /** Takes those of the jobs that are due and waits for whoever holds one; the others are left out of the answer. */
  take(tx: Transaction, jobs: readonly JobKey[]): Promise<FetchedJob[]>;
  /** Ends active jobs for good. Answers the ids of those that it found as they were fetched. */
  complete(tx: Transaction, queue: QueueRow, jobs: readonly JobAttempt[]): Promise<Sent<string[]>>;
  /** Puts active jobs back in their places. Answers as `complete`. */
  fail(tx: Transaction, queue: QueueRow, jobs: readonly JobAttempt[]): Promise<Sent<string[]>>;
  /** Lets a waiting job be due only after so many seconds of the database's clock. */
  delay(tx: Transaction, queue: QueueRow, id: string, seconds: number): Promise<Sent<void>>;
  /** Ends jobs whatever their state. Answers the ids of those that had not ended. */
  cancel(tx: Transaction, queue: QueueRow, ids: readonly string[]): Promise<Sent<string[]>>;
  /** Locks those jobs that nobody else has locked, in the order of their ids, and waits for none. */
  lock(tx: Transaction, jobs: readonly JobKey[]): Promise<LockedJob[]>;
  /** Whether the job is there, and not through. Locks nothing. */
  isLive(tx: Transaction, job: JobKey): Promise<boolean>;
  /** The first `limit` due jobs of every queue that has any, leaving out those users. */
  heads(tx: Transaction, limit: number, withoutUsers?: readonly string[]): Promise<QueueHead[]>;
  /** pg-boss's own clean-up, for one process to call now and then. */
  maintain(): Promise<void>;
  close(): Promise<void>;
}
