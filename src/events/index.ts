export type { Announcement, Carrier, Resync } from './announcement.ts';
export { type CarrierOptions, createCarrier } from './carrier.ts';
export {
  createFeed,
  type Feed,
  type FeedOptions,
  type StreamOptions,
  type TaskRow,
  type TasksFilter,
} from './feed.ts';
export { isFinal, readEvents } from './log.ts';
