export { createHousekeeping, type Housekeeping, type HousekeepingOptions } from './housekeeping.ts';
export type { LocalJob, LocalWork } from './types.ts';
export { createWorker, type Worker, type WorkerOptions } from './worker.ts';
