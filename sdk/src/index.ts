export type { Batch } from './batches.ts';
export type { CallOptions, WatchOptions } from './calls.ts';
export {
  type Client,
  type ClientOptions,
  createClient,
  type GpuNode,
  type Model,
  type User,
} from './client.ts';
export {
  type ClientErrorCode,
  type Problem,
  type RefusalCode,
  SwitchyardError,
  type SwitchyardErrorCode,
  unwrap,
} from './errors.ts';
export type { Files, UploadOptions } from './files.ts';
export * from './generated/operations.ts';
export {
  type Generation,
  type GenerationEvent,
  isGenerationFinal,
  type ListGenerationsOptions,
} from './generations.ts';
export type { Token } from './http.ts';
export type {
  KnowledgeBase,
  KnowledgeDocument,
  PageOptions,
  SearchHit,
  SearchOptions,
} from './knowledge-bases.ts';
export type { Schedule } from './schedules.ts';
export { isFinal, type Task, type TaskEvent } from './task-streams.ts';
export type {
  BulkOptions,
  Cancelled,
  Estimate,
  ListOptions,
  RetryOptions,
  WaitOptions,
} from './tasks.ts';
