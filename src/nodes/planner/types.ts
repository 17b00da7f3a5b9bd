export interface OfferView {
  readonly kind: string;
  readonly models: readonly string[];
}

/**
 * A node that may take work now: active and healthy; or draining, with jobs that are still to be taken up there,
 * and then it offers nothing. Others are left out of the snapshot.
 */
export interface NodeView {
  readonly id: string;
  readonly offers: readonly OfferView[];
  /** Numbers of its free slots. */
  readonly freeSlots: readonly number[];
  /** For each of its other slots: seconds until it is expected to be free, at least 0. */
  readonly busyForSeconds: readonly number[];
  /** When one of its slots was last leased, in milliseconds of any one clock; 0 for never. */
  readonly lastLeasedAt: number;
  /**
   * The models that it holds in memory, by the names of its offers, the least recently used first. Null where
   * that is unknown, or where changing the model costs nothing: no swap is reckoned with then.
   */
  readonly loadedModels?: readonly string[] | null;
  /** It has yet to prove itself: gets one task at a time. */
  readonly trial?: boolean;
}

/** A waiting job, as far as planning needs to know it. */
export interface JobView {
  readonly userId: string;
  /** Units of work, as its kind counts them. */
  readonly cost: number;
}

/**
 * A job that may be placed. Those of one queue come in a given order; between queues a higher band is first,
 * then a lower tag, then the older one.
 */
export interface HeadView extends JobView {
  /** The job's own; a placement names it. */
  readonly id: string;
  /** Compared before all else, be it what model a node has loaded: 1 for URGENT, 0 for all others. */
  readonly band: number;
  /**
   * Seconds on one scale for all queues, lower is first: virtual time under fair share, else arrival less the
   * head start of its priority. A job whose model is loaded may overtake one that needs a swap only where its
   * tag is at most `OVERTAKING_SWAPS` times that swap higher. So nobody is overtaken for long, and nothing
   * need be remembered about who was.
   */
  readonly tag: number;
  /** Milliseconds of any one clock; among equal tags, earlier is first. */
  readonly createdAt: number;
  /** Only this node may run it, whatever it offers now, since a remote job of the task lives there. */
  readonly nodeId?: string;
}

/** A queue with work that is due. Empty ones may be left out. */
export interface QueueView {
  readonly id: string;
  readonly kind: string;
  readonly model: string;
  /**
   * Its first jobs, in the order in which they are to be served; at least one. Only these can be placed: read
   * as many as there are slots and some more: whether a job had better wait for a fast node depends on how
   * many others do, and some are kept waiting by a limit or a pin.
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

/** What loading a model was measured to take on a node, where another was loaded before. */
export interface SwapView {
  readonly nodeId: string;
  readonly model: string;
  /** The median of recent ones. */
  readonly seconds: number;
}

/** How many more may start now, at least 0; there is no limit for what is left out. */
export interface LimitsView {
  /** By user id. */
  readonly users?: ReadonlyMap<string, number>;
  readonly kinds?: ReadonlyMap<string, number>;
  /** By the model's name, whatever the kind. */
  readonly models?: ReadonlyMap<string, number>;
}

/** Everything that a plan depends on: no clock and no I/O beside it. */
export interface Snapshot {
  readonly nodes: readonly NodeView[];
  readonly queues: readonly QueueView[];
  readonly speeds: readonly SpeedView[];
  /** Where one is missing: the median of those of the model, then of the node, then a guess. */
  readonly swaps?: readonly SwapView[];
  readonly limits?: LimitsView;
  /** At most so many placements. */
  readonly limit: number;
}

/** That job starts now in that slot. */
export interface Placement {
  readonly queueId: string;
  readonly jobId: string;
  readonly nodeId: string;
  readonly slotNo: number;
  /** What the run is expected to take, with the swap; for planning only, never shown. */
  readonly runSeconds: number;
  /** What of that goes into loading the model; 0 where it is loaded. */
  readonly swapSeconds: number;
}
