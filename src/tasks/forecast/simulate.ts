import {
  type HeadView,
  type NodeView,
  nowHolding,
  offersModel,
  type Placement,
  plan,
  type QueueView,
} from '../../nodes/index.ts';
import { createComponents } from './components.ts';
import { after, certain, createPaces, spanOf } from './paces.ts';
import { createRoom, type Room } from './room.ts';
import type { BusySlot, Paces, Situation, Span, Spread, Start } from './types.ts';

/** Options that plans may weigh, all together: what is behind is told by the flow. */
const MAX_WEIGHED = 300_000;
/** What ends within so many seconds of each other, ends at once. */
const AT_ONCE = 0.001;

/** A slot as it was left. */
export interface LeftSlot {
  readonly nodeId: string;
  /** From when on it is free. */
  readonly free: Span;
}

/** What becomes of the heads. */
export interface Simulated {
  /** Of those that started; null where it can't be told when. */
  readonly starts: ReadonlyMap<string, Start | null>;
  /** Those that the planner would start now. */
  readonly now: ReadonlySet<string>;
  /** Nodes with slots that it would leave free. */
  readonly idle: ReadonlySet<string>;
  /** By queue: the heads that did not start. */
  readonly left: ReadonlyMap<string, readonly HeadView[]>;
  readonly slots: readonly LeftSlot[];
  /** Whether it can be told when a job of the queue starts, after all of that. */
  isKnown(queue: Pick<QueueView, 'kind' | 'model'>): boolean;
}

interface SlotState {
  readonly nodeId: string;
  readonly slotNo: number;
  /** From when on it is, or was, free. */
  until: number;
  spread: Spread;
  isFree: boolean;
  job: BusySlot['job'];
}

class Simulation {
  readonly starts = new Map<string, Start | null>();
  readonly slots: SlotState[] = [];
  readonly #situation: Situation;
  readonly #paces: Paces;
  readonly #room: Room;
  readonly #components: ReturnType<typeof createComponents>;
  readonly #loaded: Map<string, readonly string[] | null>;
  /** By component: from when on nobody knows. */
  readonly #blindFrom = new Map<string, number>();
  queues: QueueView[];
  now = 0;
  weighed = 0;

  constructor(situation: Situation) {
    const { nodes, busy, queues, speeds } = situation;
    this.#situation = situation;
    this.queues = [...queues];
    this.#paces = createPaces(nodes, speeds);
    this.#room = createRoom(situation);
    this.#components = createComponents(situation);
    this.#loaded = new Map(nodes.map(({ id, loadedModels }) => [id, loadedModels ?? null]));
    for (const { id, freeSlots } of nodes) {
      for (const slotNo of freeSlots) {
        this.slots.push({ nodeId: id, slotNo, until: 0, spread: certain, isFree: true, job: null });
      }
    }
    for (const { nodeId, slotNo, left, guess, job } of busy) {
      if (!this.#loaded.has(nodeId)) continue;
      if (!left) this.#goBlind(nodeId);
      this.slots.push({
        nodeId,
        slotNo,
        until: left?.seconds ?? guess,
        spread: left ?? certain,
        isFree: false,
        job,
      });
    }
  }

  isKnown(queue: Pick<QueueView, 'kind' | 'model'>): boolean {
    return this.#situation.nodes
      .filter((node) => offersModel(node, queue))
      .every(({ id }) => !this.#blindFrom.has(this.#components.of(id)));
  }

  #goBlind(nodeId: string): void {
    const component = this.#components.of(nodeId);
    this.#blindFrom.set(component, Math.min(this.now, this.#blindFrom.get(component) ?? this.now));
  }

  /** What the planner would start now. */
  plan(): Placement[] {
    const { nodes, speeds, swaps, strategy } = this.#situation;
    const heads = this.queues.reduce((sum, queue) => sum + queue.heads.length, 0);
    this.weighed += heads * nodes.length;
    if (heads === 0 || this.#room.left <= 0) return [];
    const limits = this.#room.limits;
    const views = nodes.map((node) => this.#view(node));
    return plan(
      { nodes: views, queues: this.queues, speeds, swaps, limits, limit: this.#room.left },
      strategy,
    );
  }

  #view(node: NodeView): NodeView {
    const slots = this.slots.filter(({ nodeId }) => nodeId === node.id);
    return {
      ...node,
      loadedModels: this.#loaded.get(node.id) ?? null,
      freeSlots: slots.filter(({ isFree }) => isFree).map(({ slotNo }) => slotNo),
      busyForSeconds: slots.filter(({ isFree }) => !isFree).map(({ until }) => Math.max(0, until - this.now)),
    };
  }

  start({ queueId, jobId, nodeId, slotNo, swapSeconds, runSeconds }: Placement): void {
    const queue = this.queues.find(({ id }) => id === queueId);
    const job = queue?.heads.find(({ id }) => id === jobId);
    const slot = this.slots.find((one) => one.nodeId === nodeId && one.slotNo === slotNo);
    if (!queue || !job || !slot) throw new Error('the plan names what is not there');
    const pace = this.#paces(nodeId, queue);
    const blindFrom = this.#blindFrom.get(this.#components.of(nodeId)) ?? Number.POSITIVE_INFINITY;
    const at = { seconds: this.now, ...slot.spread };
    this.starts.set(jobId, this.now > blindFrom ? null : { at, pace, swapSeconds });
    const run = pace && spanOf(pace, job.cost);
    if (!run) this.#goBlind(nodeId);
    const { kind, model } = queue;
    slot.until = this.now + (run ? run.seconds + swapSeconds : runSeconds);
    slot.spread = run ? after(slot.spread, run) : slot.spread;
    slot.isFree = false;
    slot.job = { userId: job.userId, kind, model };
    this.#room.take(slot.job);
    const loaded = this.#loaded.get(nodeId);
    if (loaded) this.#loaded.set(nodeId, nowHolding(loaded, model, Math.max(1, loaded.length)));
    this.queues = this.queues.flatMap((one) => {
      if (one !== queue) return [one];
      const heads = queue.heads.filter(({ id }) => id !== jobId);
      return heads.length > 0 ? [{ ...queue, heads }] : [];
    });
  }

  /** Goes on to when the next slot is free; false where none will be. */
  advance(): boolean {
    const busy = this.slots.filter(({ isFree }) => !isFree);
    const next = Math.min(...busy.map(({ until }) => until));
    if (next === Number.POSITIVE_INFINITY) return false;
    this.now = Math.max(this.now, next + AT_ONCE);
    for (const slot of busy) {
      if (slot.until > this.now) continue;
      slot.isFree = true;
      if (slot.job) this.#room.giveBack(slot.job);
      slot.job = null;
    }
    return true;
  }
}

/** Lets the planner decide again and again, whenever a slot is free, until the heads have started. */
export function simulate(situation: Situation): Simulated {
  const simulation = new Simulation(situation);
  const first = simulation.plan();
  for (const placement of first) simulation.start(placement);
  const idle = new Set(simulation.slots.filter(({ isFree }) => isFree).map(({ nodeId }) => nodeId));
  while (simulation.queues.length > 0 && simulation.weighed < MAX_WEIGHED && simulation.advance()) {
    for (const placement of simulation.plan()) simulation.start(placement);
  }
  return {
    starts: simulation.starts,
    now: new Set(first.map(({ jobId }) => jobId)),
    idle,
    left: new Map(simulation.queues.map(({ id, heads }) => [id, heads])),
    slots: simulation.slots.map(({ nodeId, until, spread }) => ({
      nodeId,
      free: { seconds: until, ...spread },
    })),
    isKnown: (queue) => simulation.isKnown(queue),
  };
}
