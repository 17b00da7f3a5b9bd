import type {
  LimitsView,
  MeasuredSpeed,
  NodeView,
  QueueView,
  StrategyName,
  SwapView,
} from '../../nodes/index.ts';

/** How far off an expected time may be. Variances add up; what is known wrongly of a model is wrong each time. */
export interface Spread {
  readonly variance: number;
  /** Standard deviation of what all runs have in common. */
  readonly bias: number;
}

/** How long something takes, or is still to take. */
export interface Span extends Spread {
  readonly seconds: number;
}

/** A slot that is not free. */
export interface BusySlot {
  readonly nodeId: string;
  readonly slotNo: number;
  /** Until it is free; null where nobody knows, since too little of the kind was measured. */
  readonly left: Span | null;
  /** A guess where nobody knows. */
  readonly guess: number;
  /** What runs there; null where it only cools down. */
  readonly job: { readonly userId: string; readonly kind: string; readonly model: string } | null;
}

type Model = Pick<QueueView, 'kind' | 'model'>;

/** Everything that a forecast depends on. Times are seconds from now. */
export interface Situation {
  /** As the planner sees them; `busy` has what is known of their other slots. */
  readonly nodes: readonly NodeView[];
  readonly busy: readonly BusySlot[];
  readonly queues: readonly QueueView[];
  /** By queue: how many wait behind its heads. */
  readonly behind: ReadonlyMap<string, number>;
  readonly speeds: readonly MeasuredSpeed[];
  readonly swaps: readonly SwapView[];
  readonly limits: LimitsView;
  /** Of whose tasks as many run as may: their jobs are not among the heads. */
  readonly fullUsers: ReadonlySet<string>;
  /** How many more the worker processes take on. */
  readonly room: number;
  readonly strategy: StrategyName;
}

/** When a job starts, and what its run takes. */
export interface Start {
  readonly at: Span;
  /** Of a unit of its work, where it will run; null where too little was measured. */
  readonly pace: Pace | null;
  /** What loading its model takes before. */
  readonly swapSeconds: number;
}

/** Seconds that a unit of work takes. */
export interface Pace {
  readonly p50: number;
  readonly mean: number;
  readonly p90: number;
}

/** Of a queue's work on a node; null where too little was measured of the model on any node that has it now. */
export type Paces = (nodeId: string, model: Model & { readonly secondsPerUnit: number }) => Pace | null;
