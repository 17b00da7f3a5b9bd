export type { Announcement, Carrier, Resync } from './announcement.ts';
export { patiently } from './backoff.ts';
export { type BatchState, readBatches } from './batch-state.ts';
export { createCarrier } from './carrier.ts';
export { createFeed, type Feed } from './feed.ts';
export { isFinal, readEvents } from './log.ts';
export { createRecheck } from './recheck.ts';
export { createStream, type Source, Wake } from './stream.ts';
export type { TaskRow } from './task-loader.ts';
