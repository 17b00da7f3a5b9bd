export { nowHolding } from './board.ts';
export { offersModel } from './offers.ts';
export { plan } from './plan.ts';
export { createSpeeds } from './speeds.ts';
export { type StrategyName, strategyNames } from './strategies/index.ts';
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
  SwapView,
} from './types.ts';
