import { randomUUID } from 'node:crypto';
import type { Answer, Work } from './protocols/protocol.ts';

/** Older ones are forgotten: their results take memory. */
const MAX_JOBS = 1_000;

export type JobState = 'queued' | 'working' | 'done' | 'failed' | 'canceled';

/** Work that a server has under way, or had: what its pages tell of it. */
export class Job {
  readonly id: string;
  /** As of the work. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly steps: number;
  /** Milliseconds since 1970. */
  readonly createdAt = Date.now();
  startedAt: number | null = null;
  endedAt: number | null = null;
  state: JobState = 'queued';
  isForgotten = false;
  /** How many steps are done. */
  step = 0;
  /** What it came to, where it is done or failed. */
  result: Answer | null = null;
  readonly #stopped = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  readonly #tell: (job: Job) => void;

  constructor({ job: id = randomUUID(), input, steps = 1 }: Work, tell: (job: Job) => void) {
    this.id = id;
    this.input = input;
    this.steps = steps;
    this.#tell = tell;
  }

  /** Aborts when somebody stops it. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  /** Resolves when it has ended, in whatever way. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  begin(): void {
    this.state = 'working';
    this.startedAt = Date.now();
    this.#tell(this);
  }

  advance(): void {
    this.step += 1;
    this.#tell(this);
  }

  end(state: 'done' | 'failed' | 'canceled', result: Answer | null = null): void {
    if (this.endedAt !== null) return;
    this.state = state;
    this.result = result;
    this.endedAt = Date.now();
    this.#over.resolve();
    this.#tell(this);
  }

  stop(): void {
    this.#stopped.abort(new Error('somebody stopped the job'));
  }

  /** No page tells of it any more. */
  forget(): void {
    this.isForgotten = true;
  }
}

/** The jobs of one node that have a name, in the order in which they came. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #listeners = new Set<(job: Job) => void>();
  /** Files that somebody put there, by their names. */
  readonly uploads = new Map<string, Uint8Array>();

  get all(): readonly Job[] {
    return [...this.#jobs.values()].filter(({ isForgotten }) => !isForgotten);
  }

  /** Those that wait for a slot. */
  get queued(): readonly Job[] {
    return this.all.filter(({ state }) => state === 'queued');
  }

  get working(): readonly Job[] {
    return this.all.filter(({ state }) => state === 'working');
  }

  get(id: unknown): Job | undefined {
    const job = typeof id === 'string' ? this.#jobs.get(id) : undefined;
    return job?.isForgotten ? undefined : job;
  }

  add(work: Work): Job {
    const job = new Job(work, (changed) => {
      for (const listener of this.#listeners) listener(changed);
    });
    if (work.job !== undefined) this.#jobs.set(job.id, job);
    const [oldest] = this.#jobs.values();
    if (this.#jobs.size > MAX_JOBS && oldest !== undefined) this.#jobs.delete(oldest.id);
    return job;
  }

  /** Hears of each change of a job; call the answer to hear no more. */
  listen(listener: (job: Job) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** As of a node without power. */
  forget(): void {
    this.#jobs.clear();
    this.uploads.clear();
  }
}
