export { plan } from './plan.ts';
export { strategyNames } from './strategies/index.ts';
export type {
  HeadView,
  JobView,
  LimitsView,
  NodeView,
  OfferView,
  Placement,
  QueueView,
  Snapshot,
  SpeedView,
  StrategyName,
  SwapView,
} from './types.ts';
