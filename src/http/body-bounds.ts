import { type Budget, createBudget } from './budget.ts';

/** Of what a stranger may send, and of what takes no part of a budget. */
export const SMALL_BYTES = 1024 * 1024;
/** Of the largest size; more of smaller ones. */
const AT_ONCE = 4;

/** How much clients may send, over HTTP and sockets together. */
export interface BodyBounds {
  /** Of JSON, from whoever is signed in. */
  readonly jsonBytes: number;
  /** Of JSON, from anybody else; of a multipart request then, too. */
  readonly strangersBytes: number;
  /** Of one file. */
  readonly uploadBytes: number;
  /** Larger ones than {@link SMALL_BYTES} share it, until they are answered. */
  readonly json: Budget;
  readonly uploads: Budget;
}

export interface BodyConfig {
  readonly maxJsonBytes: number;
  readonly maxUploadBytes: number;
}

export function createBodyBounds({ maxJsonBytes, maxUploadBytes }: BodyConfig): BodyBounds {
  return {
    jsonBytes: maxJsonBytes,
    strangersBytes: Math.min(maxJsonBytes, SMALL_BYTES),
    uploadBytes: maxUploadBytes,
    json: createBudget(AT_ONCE * maxJsonBytes),
    uploads: createBudget(AT_ONCE * (maxUploadBytes + maxJsonBytes)),
  };
}
