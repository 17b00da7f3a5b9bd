import type { Viewer } from '../accounts/index.ts';
import type { Feed } from '../events/index.ts';
import { cancelGeneration } from './cancel.ts';
import type { Core } from './core.ts';
import { createCreate, type GenerationInput } from './create.ts';
import { createGenerationFeed, type GenerationFeed } from './feed.ts';
import { follow } from './follower.ts';
import { removeGeneration } from './remove.ts';
import { createRetention } from './retention.ts';
import { createSelect } from './select.ts';

export type { GenerationInput } from './create.ts';
export type { EventRow, ModelProgress } from './log.ts';
export type { LogEntry } from './types.ts';

/** From a prompt over pictures to a 3-D model. Whose generation it is, is the caller's to check. */
export interface Generations extends GenerationFeed {
  /**
   * Begins a generation: durable, with its first tasks, once it resolves.
   * @returns its id
   * @throws InvalidInputError, NoSuchModelError, QueueFullError, QuotaExceededError, RateLimitedError
   */
  create(owner: Pick<Viewer, 'userId' | 'tier'>, input: GenerationInput): Promise<string>;
  /**
   * Begins to make the model of a picture, when all have ended; or of the same or another one after a model has
   * failed. Durable once it resolves.
   * @throws NotFoundError, InvalidInputError, InvalidStateError, NoSuchModelError
   */
  select(id: string, index: number): Promise<void>;
  /**
   * Ends a generation for good, and cancels what it has under way. Repeated, it changes nothing.
   * @throws NotFoundError; InvalidStateError where it has ended otherwise
   */
  cancel(id: string): Promise<void>;
  /**
   * Deletes a generation with its log, its tasks and their artifacts.
   * @throws NotFoundError; InvalidStateError while something of it, or that depends on it, is under way
   */
  remove(id: string): Promise<void>;
  /** Deletes those in which nothing has happened for longer than tasks are kept, until the signal aborts. Answers how many. */
  applyRetention(signal?: AbortSignal): Promise<number>;
  /**
   * Takes generations further as their tasks end, until the signal aborts: in every process that works. Any number of
   * them may do so at once.
   */
  follow(signal: AbortSignal): Promise<void>;
}

export interface GenerationsOptions extends Core {
  readonly feed: Feed;
  readonly config: { readonly taskRetentionDays: number };
}

export function createGenerations({ feed, config, ...core }: GenerationsOptions): Generations {
  return {
    ...createGenerationFeed({ ...core, feed }),
    create: createCreate(core),
    select: createSelect(core),
    cancel: (id) => cancelGeneration(core, id),
    remove: (id) => removeGeneration(core, id),
    applyRetention: createRetention(core, config.taskRetentionDays),
    follow: (signal) => follow(core, signal),
  };
}
