import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Placement, plan, type Snapshot, strategyNames } from '../../../src/nodes/index.ts';
import { createSpeeds } from '../../../src/nodes/planner/speeds.ts';
import { anySnapshot } from './support.ts';

const offers = (
  { nodes, queues }: Snapshot,
  { nodeId, queueId }: Pick<Placement, 'nodeId' | 'queueId'>,
): boolean => {
  const node = nodes.find(({ id }) => id === nodeId);
  const queue = queues.find(({ id }) => id === queueId);
  return (
    node?.offers.some(({ kind, models }) => kind === queue?.kind && models.includes(queue.model)) ?? false
  );
};

/** Slots that a plan left free, of nodes that offer the queue's model. */
function leftFor(snapshot: Snapshot, placements: readonly Placement[], queueId: string) {
  const taken = new Set(placements.map(({ nodeId, slotNo }) => `${nodeId} ${slotNo}`));
  return snapshot.nodes.filter(
    (node) =>
      offers(snapshot, { nodeId: node.id, queueId }) &&
      node.freeSlots.some((slotNo) => !taken.has(`${node.id} ${slotNo}`)),
  );
}

describe.each(strategyNames)('%s', (strategy) => {
  const always = (check: (snapshot: Snapshot, placements: Placement[]) => void): void =>
    fc.assert(
      fc.property(anySnapshot, (snapshot) => check(snapshot, plan(snapshot, strategy))),
      { numRuns: 500 },
    );

  test('uses each free slot at most once, and no other', () => {
    always(({ nodes, limit }, placements) => {
      const free = nodes.flatMap(({ id, freeSlots }) => freeSlots.map((slotNo) => `${id} ${slotNo}`));
      const used = placements.map(({ nodeId, slotNo }) => `${nodeId} ${slotNo}`);
      expect(new Set(used).size).toBe(used.length);
      expect(free).toEqual(expect.arrayContaining(used));
      expect(used.length).toBeLessThanOrEqual(limit);
    });
  });

  test('places a queue only where its model is offered, and no more than wait in it', () => {
    always((snapshot, placements) => {
      for (const placement of placements) expect(offers(snapshot, placement)).toBe(true);
      for (const [id, group] of Map.groupBy(placements, ({ queueId }) => queueId)) {
        const queue = snapshot.queues.find((candidate) => candidate.id === id);
        expect(group.length).toBeLessThanOrEqual(queue?.heads.length ?? 0);
        expect(group.map(({ jobId }) => jobId)).toEqual([...new Set(group.map(({ jobId }) => jobId))]);
      }
    });
  });

  test('decides the same for the same snapshot, in whatever order it is told', () => {
    always((snapshot, placements) => {
      const turned = {
        ...snapshot,
        nodes: snapshot.nodes.toReversed(),
        queues: snapshot.queues.toReversed(),
        speeds: snapshot.speeds.toReversed(),
      };
      expect(plan(turned, strategy)).toEqual(placements);
    });
  });

  test('starts nothing of a queue in place of a job of a higher band that could have had the slot', () => {
    always((snapshot, placements) => {
      if (placements.length === snapshot.limit) return;
      const placed = Map.groupBy(placements, ({ queueId }) => queueId);
      for (const high of snapshot.queues) {
        const first = high.heads[0];
        if (!first || placed.has(high.id)) continue;
        // Its head waits though it could have started: for something better than each slot that lower ones got.
        const given = placements.filter(({ nodeId, queueId }) => {
          const low = snapshot.queues.find(({ id }) => id === queueId);
          const isLower = low?.heads.every(({ band }) => band < first.band) ?? false;
          return isLower && offers(snapshot, { nodeId, queueId: high.id });
        });
        const speeds = createSpeeds(snapshot.speeds);
        const ends = (nodeId: string, startsIn: number) => startsIn + first.cost * speeds(nodeId, high);
        for (const { nodeId } of given) {
          const sooner = snapshot.nodes.some(
            (node) =>
              node.id !== nodeId &&
              offers(snapshot, { nodeId: node.id, queueId: high.id }) &&
              node.busyForSeconds.some((startsIn) => ends(node.id, startsIn) < ends(nodeId, 0)),
          );
          expect(sooner).toBe(true);
        }
      }
    });
  });

  test('leaves no slot idle for which a job waits, unless the job ends sooner elsewhere', () => {
    always((snapshot, placements) => {
      if (placements.length === snapshot.limit) return;
      const speeds = createSpeeds(snapshot.speeds);
      for (const queue of snapshot.queues) {
        const started = placements.filter(({ queueId }) => queueId === queue.id).length;
        const next = queue.heads[Math.min(started, queue.heads.length - 1)];
        if (started === queue.heads.length || !next) continue;
        for (const idle of leftFor(snapshot, placements, queue.id)) {
          expect(strategy).toBe('earliest-completion');
          const now = Math.min(...queue.heads.map(({ cost }) => cost)) * speeds(idle.id, queue);
          const later = snapshot.nodes
            .filter(({ id, busyForSeconds, freeSlots }) => {
              const isAble = offers(snapshot, { nodeId: id, queueId: queue.id });
              return isAble && id !== idle.id && (busyForSeconds.length > 0 || freeSlots.length > 0);
            })
            .map((node) => speeds(node.id, queue));
          // Only a faster node is worth waiting for.
          expect(Math.min(...later) * Math.min(...queue.heads.map(({ cost }) => cost))).toBeLessThan(now);
        }
      }
    });
  });
});
