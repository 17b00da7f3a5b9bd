import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OVERTAKING_SWAPS } from '../../../src/nodes/planner/affinity.ts';
import {
  type HeadView,
  type NodeView,
  nowHolding,
  type Placement,
  plan,
  type QueueView,
  type Snapshot,
  type StrategyName,
  strategyNames,
} from '../../../src/nodes/planner/index.ts';
import { createSpeeds } from '../../../src/nodes/planner/speeds.ts';
import { strategies } from '../../../src/nodes/planner/strategies/index.ts';
import type { Strategy } from '../../../src/nodes/planner/strategies/strategy.ts';
import { createSwaps } from '../../../src/nodes/planner/swaps.ts';
import { anySnapshot } from './support.ts';

interface Waiting {
  readonly queue: QueueView;
  readonly job: HeadView;
}

const offers = (node: NodeView, queue: QueueView): boolean =>
  node.offers.some(({ kind, models }) => kind === queue.kind && models.includes(queue.model));

const isAble = (node: NodeView, { queue, job }: Waiting): boolean =>
  job.nodeId === undefined ? offers(node, queue) : job.nodeId === node.id;

/** The slots that may be leased. */
const openSlots = ({ freeSlots, busyForSeconds, trial }: NodeView): readonly number[] =>
  trial ? freeSlots.toSorted((a, b) => a - b).slice(0, busyForSeconds.length > 0 ? 0 : 1) : freeSlots;

const jobsOf = ({ queues }: Snapshot): Waiting[] =>
  queues.flatMap((queue) => queue.heads.map((job) => ({ queue, job })));

function judge(snapshot: Snapshot, placements: readonly Placement[], strategy: StrategyName) {
  const { handicapSeconds }: Strategy = strategies[strategy];
  const speeds = createSpeeds(snapshot.speeds);
  const swaps = createSwaps(snapshot.swaps ?? []);
  const placed = new Map(placements.map((placement) => [placement.jobId, placement]));
  const { limits = {} } = snapshot;
  const started = jobsOf(snapshot).filter(({ job }) => placed.has(job.id));

  /** What the node holds when it is given that job: others of this plan may have changed it before. */
  function heldBefore({ id, loadedModels }: NodeView, jobId: string): readonly string[] | null {
    const earlier = placements.slice(
      0,
      placements.findIndex((placement) => placement.jobId === jobId),
    );
    return earlier
      .filter(({ nodeId }) => nodeId === id)
      .map(({ queueId }) => snapshot.queues.find((queue) => queue.id === queueId)?.model ?? '')
      .reduce(
        (held, model) => held && nowHolding(held, model, Math.max(1, loadedModels?.length ?? 0)),
        loadedModels ?? null,
      );
  }

  const swapFrom = (held: readonly string[] | null | undefined, id: string, { queue }: Waiting): number =>
    held && !held.includes(queue.model) ? swaps(id, queue.model) : 0;

  /** What it counts as to start there now, at most. */
  function price(node: NodeView, waiting: Waiting): number {
    // Another job of this plan may have changed the model.
    const isChanged = placements.some(({ nodeId, swapSeconds }) => nodeId === node.id && swapSeconds > 0);
    const swap = isChanged
      ? swaps(node.id, waiting.queue.model)
      : swapFrom(node.loadedModels, node.id, waiting);
    return 3 * swap + waiting.job.cost * speeds(node.id, waiting.queue);
  }

  return {
    rank({ queue, job }: Waiting): number {
      const all = snapshot.nodes.filter((node) => offers(node, queue)).map((node) => speeds(node.id, queue));
      const fastest = all.length === 0 ? 0 : Math.min(...all);
      return job.tag + (handicapSeconds?.(job.cost * fastest) ?? 0);
    },
    waiting: jobsOf(snapshot).filter(({ job }) => !placed.has(job.id)),
    started,
    placed,
    /** What loading its model would have taken in place of the other job, where that was given the node. */
    swapInPlaceOf: (other: Waiting, node: NodeView, waiting: Waiting): number =>
      swapFrom(heldBefore(node, other.job.id), node.id, waiting),
    isLimited({ queue, job }: Waiting): boolean {
      const count = (isIt: (other: Waiting) => boolean): number => started.filter(isIt).length;
      return (
        limits.users?.get(job.userId) === count((other) => other.job.userId === job.userId) ||
        limits.kinds?.get(queue.kind) === count((other) => other.queue.kind === queue.kind) ||
        limits.models?.get(queue.model) === count((other) => other.queue.model === queue.model)
      );
    },
    /** Whether there is a node that the job may well wait for rather than start on that one. */
    isBetterElsewhere(node: NodeView, waiting: Waiting): boolean {
      return snapshot.nodes.some((other) => {
        if (other.id === node.id || !isAble(other, waiting)) return false;
        const startsIn = openSlots(other).length > 0 ? 0 : Math.min(...other.busyForSeconds);
        return startsIn + waiting.job.cost * speeds(other.id, waiting.queue) < price(node, waiting);
      });
    },
  };
}

const waits: readonly StrategyName[] = ['earliest-completion', 'shortest-first'];

describe.each(strategyNames)('%s', (strategy) => {
  const always = (check: (snapshot: Snapshot, placements: Placement[]) => void): void =>
    fc.assert(
      fc.property(anySnapshot, (snapshot) => check(snapshot, plan(snapshot, strategy))),
      { numRuns: 300 },
    );

  test('uses each free slot at most once, and no other; one at a time of a node on trial', () => {
    always(({ nodes, limit }, placements) => {
      const free = nodes.flatMap((node) => openSlots(node).map((slotNo) => `${node.id} ${slotNo}`));
      const used = placements.map(({ nodeId, slotNo }) => `${nodeId} ${slotNo}`);
      expect(new Set(used).size).toBe(used.length);
      expect(free).toEqual(expect.arrayContaining(used));
      expect(used.length).toBeLessThanOrEqual(limit);
    });
  });

  test('starts a job once, where its model is offered, or where it is pinned', () => {
    always((snapshot, placements) => {
      expect(new Set(placements.map(({ jobId }) => jobId)).size).toBe(placements.length);
      for (const { queueId, jobId, nodeId } of placements) {
        const queue = snapshot.queues.find(({ id }) => id === queueId);
        const job = queue?.heads.find(({ id }) => id === jobId);
        const node = snapshot.nodes.find(({ id }) => id === nodeId);
        expect(queue && job && node && isAble(node, { queue, job })).toBe(true);
      }
    });
  });

  test('keeps to every limit of concurrency', () => {
    always((snapshot, placements) => {
      const { started } = judge(snapshot, placements, strategy);
      const { users, kinds, models } = snapshot.limits ?? {};
      const within = (limits: ReadonlyMap<string, number> | undefined, keyOf: (one: Waiting) => string) => {
        for (const [key, most] of limits ?? []) {
          expect(started.filter((one) => keyOf(one) === key).length).toBeLessThanOrEqual(most);
        }
      };
      within(users, ({ job }) => job.userId);
      within(kinds, ({ queue }) => queue.kind);
      within(models, ({ queue }) => queue.model);
    });
  });

  test('decides the same for the same snapshot, in whatever order it is told', () => {
    always((snapshot, placements) => {
      const turned = {
        ...snapshot,
        nodes: snapshot.nodes.toReversed(),
        queues: snapshot.queues.toReversed(),
        speeds: snapshot.speeds.toReversed(),
        swaps: snapshot.swaps?.toReversed() ?? [],
      };
      expect(plan(turned, strategy)).toEqual(placements);
    });
  });

  test('lets a job be overtaken only within bounds, or where it has something better to wait for', () => {
    always((snapshot, placements) => {
      const { rank, waiting, started, placed, swapInPlaceOf, isLimited, isBetterElsewhere } = judge(
        snapshot,
        placements,
        strategy,
      );
      for (const left of waiting) {
        if (isLimited(left)) continue;
        for (const other of started) {
          const isBehind =
            other.job.band < left.job.band || (other.job.band === left.job.band && rank(other) > rank(left));
          const node = snapshot.nodes.find(({ id }) => id === placed.get(other.job.id)?.nodeId);
          if (!isBehind || !node || !isAble(node, left)) continue;
          expect(waits).toContain(strategy);
          const bound = rank(left) + OVERTAKING_SWAPS * swapInPlaceOf(other, node, left);
          const mayOvertake = other.job.band === left.job.band && rank(other) <= bound;
          expect(mayOvertake || isBetterElsewhere(node, left)).toBe(true);
        }
      }
    });
  });

  test('leaves no slot idle for which a job waits, unless the job has something better to wait for', () => {
    always((snapshot, placements) => {
      if (placements.length === snapshot.limit) return;
      const { waiting, isLimited, isBetterElsewhere } = judge(snapshot, placements, strategy);
      const taken = new Set(placements.map(({ nodeId, slotNo }) => `${nodeId} ${slotNo}`));
      for (const node of snapshot.nodes) {
        if (openSlots(node).every((slotNo) => taken.has(`${node.id} ${slotNo}`))) continue;
        for (const left of waiting) {
          if (!isAble(node, left) || isLimited(left)) continue;
          expect(waits).toContain(strategy);
          expect(isBetterElsewhere(node, left)).toBe(true);
        }
      }
    });
  });
});
