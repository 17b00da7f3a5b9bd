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
}

export type Tiers = Readonly<Record<Tier, TierLimits>>;

export const defaultTiers: Tiers = {
  FREE: { waiting: 10_000, perSecond: 100, burst: 1_000, maxPriority: 'NORMAL' },
  PRO: { waiting: 100_000, perSecond: 1_000, burst: 10_000, maxPriority: 'HIGH' },
  VIP: { waiting: null, perSecond: null, burst: 10_000, maxPriority: 'URGENT' },
};

type TierChanges = {
  readonly [T in Tier]?: { readonly [K in keyof TierLimits]?: TierLimits[K] | undefined } | undefined;
};

/** The defaults, with what the configuration says otherwise. */
export function mergeTiers(changes: TierChanges): Tiers {
  const merge = (tier: Tier): TierLimits => {
    const { waiting, perSecond, burst, maxPriority } = changes[tier] ?? {};
    const defaults = defaultTiers[tier];
    return {
      // Null is a value here: no limit.
      waiting: waiting === undefined ? defaults.waiting : waiting,
      perSecond: perSecond === undefined ? defaults.perSecond : perSecond,
      burst: burst ?? defaults.burst,
      maxPriority: maxPriority ?? defaults.maxPriority,
    };
  };
  return { FREE: merge('FREE'), PRO: merge('PRO'), VIP: merge('VIP') };
}
