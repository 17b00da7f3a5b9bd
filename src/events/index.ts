export type { Announcement, Carrier, Resync } from './announcement.ts';
export { createCarrier } from './carrier.ts';
export { createFeed, type Feed } from './feed.ts';
export { isFinal, readEvents } from './log.ts';
export type { TaskRow } from './task-loader.ts';
