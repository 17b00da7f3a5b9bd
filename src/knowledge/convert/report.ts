import type { ChunkSizes } from '../chunker.ts';

/** What the converting process is told. */
export interface ConverterTask extends ChunkSizes {
  /** As the caller called the file. */
  readonly name: string;
  readonly claimedType: string;
  readonly maxMemoryBytes: number;
  readonly maxSeconds: number;
}

/** What the converting process says of itself, in this order; `done` or `refused` last. */
export type ConverterReport =
  | { readonly type: 'validated'; readonly mimeType: string; readonly sizeBytes: number }
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'converted' }
  | { readonly type: 'done'; readonly chunks: number }
  | { readonly type: 'refused'; readonly message: string };

/** What the watchdog says before it ends the process. */
export const OUT_OF_TIME = 'watchdog: out of time';
export const OUT_OF_MEMORY = 'watchdog: out of memory';
