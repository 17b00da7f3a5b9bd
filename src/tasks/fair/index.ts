import type { Tiers } from '../../accounts/index.ts';
import type { Database, Tier, Transaction } from '../../database/index.ts';
import type { Log } from '../../log.ts';
import type { Nodes } from '../../nodes/index.ts';
import type { Queue } from '../../queue/index.ts';
import { createExpectation, type Expect } from './expected.ts';
import { createPlaces } from './places.ts';
import { correctShares, type SettledStep } from './shares.ts';

export { forgetIdleShares, rebaseScales } from './scale.ts';
export { advanceTime, type Charge, chargeShares, lockShares, type SettledStep } from './shares.ts';
export { isUrgentPlace, leadOf, placeOf, tagOf } from './tags.ts';
export { turnTags } from './turns.ts';
export { readTurns, type Turns } from './use.ts';

/** What users get of the nodes, by the weights of their tiers. See `tags.ts` for the arithmetic. */
export interface FairShare {
  readonly expect: Expect;
  weightOf(tier: Tier): number;
  /**
   * Corrects the shares by what tasks came to, as the last that the transaction does but for new jobs; what
   * waits is placed anew after the commit, where it is needed.
   */
  correct(tx: Transaction, steps: readonly SettledStep[]): void;
  /** Resolves when nothing is being placed anew. */
  idle(): Promise<void>;
}

export interface FairShareOptions {
  readonly database: Database;
  readonly queue: Pick<Queue, 'get'>;
  readonly nodes: Pick<Nodes, 'speeds'>;
  readonly tiers: Tiers;
  readonly log: Log;
}

export function createFairShare({ database, queue, nodes, tiers, log }: FairShareOptions): FairShare {
  const expect = createExpectation(nodes, log);
  const places = createPlaces({
    database,
    async expectIn(queueId) {
      const own = await queue.get(queueId);
      return (cost) => expect(own, cost);
    },
    log,
  });
  return {
    expect,
    weightOf: (tier) => tiers[tier].weight,
    correct(tx, steps) {
      if (steps.length === 0) return;
      // A correction that fails fails the transaction, which whoever waits for that is told.
      correctShares(tx, steps).then(places.placeAnew, () => undefined);
    },
    idle: places.idle,
  };
}
