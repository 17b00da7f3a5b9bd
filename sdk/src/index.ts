export type { Batch } from './batches.ts';
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
export type { Schedule } from './schedules.ts';
export {
  type BulkOptions,
  type CallOptions,
  type Cancelled,
  type Estimate,
  isFinal,
  type ListOptions,
  type RetryOptions,
  type Task,
  type TaskEvent,
  type WaitOptions,
  type WatchOptions,
} from './tasks.ts';
