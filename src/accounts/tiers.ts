import type { TaskPriority, Tier } from '../database/index.ts';

export interface TierLimits {
  /** Tasks of a user that have not ended and do not run; null: no limit. */
  readonly waiting: number | null;
  /** Submissions; null: no limit. */
  readonly perSecond: number | null;
  /** Submissions at once, before `perSecond` counts. */
  readonly burst: number;
  /** Higher ones are lowered to it. */
  readonly maxPriority: TaskPriority;
  /** Of what there is, a user gets this much to others' weights. */
  readonly weight: number;
  /** Tasks of a user that run at once; null: no limit. */
  readonly concurrency: number | null;
  /** Megabytes (10⁶ bytes) of a user's files; null: no limit. */
  readonly storageMb: number | null;
}

export type Tiers = Readonly<Record<Tier, TierLimits>>;

export const defaultTiers: Tiers = {
  FREE: {
    waiting: 10_000,
    perSecond: 100,
    burst: 1_000,
    maxPriority: 'NORMAL',
    weight: 1,
    concurrency: null,
    storageMb: 10_000,
  },
  PRO: {
    waiting: 100_000,
    perSecond: 1_000,
    burst: 10_000,
    maxPriority: 'HIGH',
    weight: 2,
    concurrency: null,
    storageMb: 100_000,
  },
  VIP: {
    waiting: null,
    perSecond: null,
    burst: 10_000,
    maxPriority: 'URGENT',
    weight: 8,
    concurrency: null,
    storageMb: null,
  },
};

type TierChanges = {
  readonly [T in Tier]?: { readonly [K in keyof TierLimits]?: TierLimits[K] | undefined } | undefined;
};

/** The defaults, with what the configuration says otherwise. */
export function mergeTiers(changes: TierChanges): Tiers {
  const merge = (tier: Tier): TierLimits => {
    const { waiting, perSecond, burst, maxPriority, weight, concurrency, storageMb } = changes[tier] ?? {};
    const defaults = defaultTiers[tier];
    return {
      // Null is a value here: no limit.
      waiting: waiting === undefined ? defaults.waiting : waiting,
      perSecond: perSecond === undefined ? defaults.perSecond : perSecond,
      burst: burst ?? defaults.burst,
      maxPriority: maxPriority ?? defaults.maxPriority,
      weight: weight ?? defaults.weight,
      concurrency: concurrency === undefined ? defaults.concurrency : concurrency,
      storageMb: storageMb === undefined ? defaults.storageMb : storageMb,
    };
  };
  return { FREE: merge('FREE'), PRO: merge('PRO'), VIP: merge('VIP') };
}
