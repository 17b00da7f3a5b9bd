/** How a task's node is chosen. Each is one pure function in `strategies/`. */
export type StrategyName = 'earliest-completion' | 'least-loaded' | 'round-robin' | 'user-hash';

export interface OfferView {
  readonly kind: string;
  readonly models: readonly string[];
}

/** A node that may take work now: active and healthy. Others are left out of the snapshot. */
export interface NodeView {
  readonly id: string;
  readonly offers: readonly OfferView[];
  /** Numbers of its free slots. */
  readonly freeSlots: readonly number[];
  /** For each of its other slots: seconds until it is expected to be free, at least 0. */
  readonly busyForSeconds: readonly number[];
  /** When one of its slots was last leased, in milliseconds of any one clock; 0 for never. */
  readonly lastLeasedAt: number;
}

/** A waiting job, as far as planning needs to know it. */
export interface JobView {
  readonly userId: string;
  /** Units of work, as its kind counts them. */
  readonly cost: number;
}

export interface HeadView extends JobView {
  /** pg-boss's: higher is first. */
  readonly priority: number;
  /** Milliseconds of any one clock: among equal priorities, earlier is first. */
  readonly createdAt: number;
}

/** A queue with work that is due. Empty ones may be left out. */
export interface QueueView {
  readonly id: string;
  readonly kind: string;
  readonly model: string;
  /** How many jobs are due; a guess is enough, but at least as many as `heads`. */
  readonly waiting: number;
  /**
   * Its first jobs, in the order in which a fetch answers them; at least one. Those behind are taken to be
   * like the last: read as many as there are free slots where priorities between queues are to hold exactly.
   */
  readonly heads: readonly HeadView[];
  /** The kind's guess, for nodes that were never measured. */
  readonly secondsPerUnit: number;
}

/** What a model was measured to take on a node. */
export interface SpeedView {
  readonly nodeId: string;
  readonly kind: string;
  readonly model: string;
  /** The median of recent runs. */
  readonly secondsPerUnit: number;
  readonly samples: number;
}

/** Everything that a plan depends on: no clock and no I/O beside it. */
export interface Snapshot {
  readonly nodes: readonly NodeView[];
  readonly queues: readonly QueueView[];
  readonly speeds: readonly SpeedView[];
  /** At most so many placements. */
  readonly limit: number;
}

/** One job of that queue starts now in that slot. */
export interface Placement {
  readonly queueId: string;
  readonly nodeId: string;
  readonly slotNo: number;
  /** What the run is expected to take; for planning only, never shown. */
  readonly runSeconds: number;
}
