export { createHousekeeping, type Housekeeping, type HousekeepingOptions } from './housekeeping.ts';
export { createWorker, type Worker, type WorkerOptions } from './worker.ts';
