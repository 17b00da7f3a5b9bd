export { plan } from './plan.ts';
export { strategyNames } from './strategies/index.ts';
export type {
  HeadView,
  JobView,
  NodeView,
  OfferView,
  Placement,
  QueueView,
  Snapshot,
  SpeedView,
  StrategyName,
} from './types.ts';
