import type { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import type { SimulatedNode } from './simulate.ts';

interface Change {
  readonly at: number;
  readonly node: SimulatedNode;
  readonly kind: 'fail' | 'open' | 'drain';
}

/** The failures and drains of a run. */
export interface Disturbances {
  /** When the next one comes; Infinity where none does. */
  nextAt(): number;
  /** Lets it happen. */
  apply(): void;
  /** The node has nothing left to do. */
  emptied(node: SimulatedNode, now: number): void;
  /** Seconds from the start of each drain until the node was empty. */
  readonly drained: readonly number[];
}

export interface DisturbancesOptions {
  readonly scenario: Scenario;
  readonly nodes: readonly SimulatedNode[];
  readonly random: Random;
  /** The node is open again. */
  onOpen(node: SimulatedNode): void;
  /** The node is lost, with what runs on it. */
  onLost(node: SimulatedNode): void;
}

export function createDisturbances(options: DisturbancesOptions): Disturbances {
  const { scenario, nodes, random, onOpen, onLost } = options;
  const { failures, drains } = scenario;
  const changes: Change[] = [];
  const draining = new Map<SimulatedNode, number>();
  const drained: number[] = [];

  function plan(change: Change): void {
    changes.push(change);
    changes.sort((a, b) => a.at - b.at);
  }

  function planFailure(node: SimulatedNode, now: number): void {
    if (failures) plan({ at: now + random.exponential(failures.everySeconds), node, kind: 'fail' });
  }

  function planDrain(index: number, now: number): void {
    const node = nodes[index % nodes.length];
    if (drains && node) plan({ at: now + drains.everySeconds, node, kind: 'drain' });
  }

  function emptied(node: SimulatedNode, now: number): void {
    const since = draining.get(node);
    if (since === undefined || !drains) return;
    drained.push(now - since);
    draining.delete(node);
    plan({ at: now + drains.forSeconds, node, kind: 'open' });
  }

  const happen: Record<Change['kind'], (node: SimulatedNode, at: number) => void> = {
    open(node, at) {
      node.isOpen = true;
      node.isUp = true;
      planFailure(node, at);
      onOpen(node);
    },
    fail(node, at) {
      node.isOpen = false;
      node.isUp = false;
      if (failures) plan({ at: at + failures.forSeconds, node, kind: 'open' });
      onLost(node);
    },
    drain(node, at) {
      node.isOpen = false;
      draining.set(node, at);
      if (!node.job) emptied(node, at);
      planDrain(node.index + 1, at);
    },
  };

  for (const node of nodes) planFailure(node, 0);
  planDrain(0, 0);
  return {
    nextAt: () => changes[0]?.at ?? Number.POSITIVE_INFINITY,
    apply() {
      const change = changes.shift();
      if (change) happen[change.kind](change.node, change.at);
    },
    emptied,
    drained,
  };
}
