import { type NodeView, offersModel, type QueueView } from '../../nodes/index.ts';
import { after, spanOf } from './paces.ts';
import type { LeftSlot } from './simulate.ts';
import type { Pace, Paces, Span, Spread, Start } from './types.ts';

/** What is left of a queue behind those whose starts were simulated. */
export interface Backlog {
  readonly queue: Pick<QueueView, 'id' | 'kind' | 'model' | 'secondsPerUnit'>;
  readonly jobs: number;
  /** Units of work of each, on average. */
  readonly cost: number;
  /** How many of it may run at once; Infinity where there is no limit. */
  readonly atOnce: number;
}

export interface FlowOptions {
  readonly nodes: readonly NodeView[];
  /** As the simulation left them. */
  readonly slots: readonly LeftSlot[];
  readonly backlogs: readonly Backlog[];
  readonly paces: Paces;
  /** Which share of the slots the worker processes can fill. */
  readonly share: number;
}

/** What becomes of long queues, as if work were a liquid. */
export interface Flow {
  /** When the n-th job of what is left of that queue starts, n from 1, and beyond its end; null: it can't be told. */
  start(queueId: string, n: number): Start | null;
}

/** What a slot is to a queue. */
interface Pipe {
  readonly opensAt: number;
  readonly pace: Pace;
  /** Jobs a second. */
  readonly rate: number;
  /** How many queues share its node. */
  readonly node: { sharers: number };
}

interface Stretch {
  readonly from: number;
  readonly served: number;
  readonly rate: number;
  /** Slots that take turns evenly have begun with half a job more, each, than they have done. */
  readonly begun: number;
}

interface Stream {
  readonly backlog: Backlog;
  readonly pipes: readonly Pipe[];
  /** Of the able slots, in order. */
  readonly opens: readonly Span[];
  readonly stretches: Stretch[];
  served: number;
  isDone: boolean;
}

/** Of which the flow takes note. */
const MAX_OPENINGS = 64;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function createStreams({ nodes, slots, backlogs, paces, share }: FlowOptions): Stream[] {
  const slotsOf = Map.groupBy(slots, ({ nodeId }) => nodeId);
  const shared = new Map(nodes.map(({ id }) => [id, { sharers: 0 }]));
  return backlogs.map((backlog) => {
    const able = nodes.filter((node) => offersModel(node, backlog.queue) && slotsOf.has(node.id));
    const pipes = able.flatMap(({ id }): Pipe[] => {
      const pace = paces(id, backlog.queue);
      const node = shared.get(id);
      if (!pace || !node) return [];
      if (backlog.jobs > 0) node.sharers++;
      const rate = share / (pace.mean * backlog.cost);
      return (slotsOf.get(id) ?? []).map(({ free }) => ({ opensAt: free.seconds, pace, rate, node }));
    });
    const opens = able
      .flatMap(({ id }) => slotsOf.get(id) ?? [])
      .map(({ free }) => free)
      .sort((a, b) => a.seconds - b.seconds);
    return { backlog, pipes, opens, stretches: [], served: 0, isDone: backlog.jobs === 0 };
  });
}

/** How fast it flows by then: nodes are shared evenly by the queues that have work for them. */
function flowAt({ pipes, backlog: { atOnce } }: Stream, time: number): Pick<Stretch, 'rate' | 'begun'> {
  const open = pipes.filter(({ opensAt }) => opensAt <= time);
  const parts = open.map(({ node }) => 1 / Math.max(1, node.sharers));
  const slots = sum(parts);
  const rate = sum(open.map((pipe, n) => pipe.rate * (parts[n] ?? 0)));
  const allowed = slots > atOnce ? atOnce / slots : 1;
  return { rate: rate * allowed, begun: (slots * allowed) / 2 };
}

/** The times at which slots open: in a large pool those that are close to each other are looked at together. */
function openingsOf(times: readonly number[]): number[] {
  const ascending = [...new Set(times)].sort((a, b) => a - b);
  const step = Math.max(1, Math.ceil(ascending.length / MAX_OPENINGS));
  return ascending.filter((_, n) => n === 0 || n === ascending.length - 1 || n % step === 0);
}

/** Lets all of them run until each is empty. */
function run(streams: readonly Stream[]): void {
  const openings = openingsOf(streams.flatMap(({ pipes }) => pipes.map(({ opensAt }) => opensAt)));
  let time = openings[0] ?? 0;
  for (;;) {
    const now = time;
    const flows = streams.map((stream) => flowAt(stream, now));
    const opening = openings.find((at) => at > now) ?? Number.POSITIVE_INFINITY;
    const ends = streams.map(({ backlog, served, isDone }, n) => {
      const rate = isDone ? 0 : (flows[n]?.rate ?? 0);
      return rate > 0 ? now + Math.max(0, backlog.jobs - served) / rate : Number.POSITIVE_INFINITY;
    });
    const next = Math.min(opening, ...ends);
    for (const [n, stream] of streams.entries()) {
      const { rate, begun } = flows[n] ?? { rate: 0, begun: 0 };
      // Of one that is empty, as it would go on.
      stream.stretches.push({ from: now, served: stream.served, rate, begun });
      if (!stream.isDone && next < Number.POSITIVE_INFINITY) stream.served += rate * (next - now);
    }
    if (next === Number.POSITIVE_INFINITY) return;
    for (const [n, stream] of streams.entries()) {
      if (stream.isDone || (ends[n] ?? 0) > next) continue;
      stream.isDone = true;
      stream.served = stream.backlog.jobs;
      for (const node of new Set(stream.pipes.map((pipe) => pipe.node))) node.sharers--;
    }
    time = next;
  }
}

/** When so many have begun. */
function timeOf({ stretches }: Stream, count: number): number {
  for (const [n, { from, served, rate, begun }] of stretches.entries()) {
    const more = count - 0.5 - served - begun;
    const at = more <= 0 ? from : from + more / rate;
    if (at <= (stretches[n + 1]?.from ?? Number.MAX_VALUE)) return at;
  }
  return Number.POSITIVE_INFINITY;
}

function paceOf(pipes: readonly Pipe[]): Pace {
  const total = sum(pipes.map(({ rate }) => rate));
  const average = (of: (pace: Pace) => number): number =>
    sum(pipes.map(({ pace, rate }) => of(pace) * rate)) / total;
  return {
    p50: average(({ p50 }) => p50),
    mean: average(({ mean }) => mean),
    p90: average(({ p90 }) => p90),
  };
}

/** Runs one behind the other on each slot, with as many beside them as there are slots. */
function spreadOf(pace: Pace, { cost }: Backlog, { runs, slots }: { runs: number; slots: number }): Spread {
  const { variance, bias } = spanOf(pace, cost);
  return { variance: (variance * runs) / slots, bias: bias * runs };
}

export function createFlow(options: FlowOptions): Flow {
  const streams = createStreams(options);
  const byQueue = new Map(streams.map((stream) => [stream.backlog.queue.id, stream]));
  run(streams);
  return {
    start(queueId, n) {
      const stream = byQueue.get(queueId);
      const first = stream?.opens[0];
      if (!stream || !first) return null;
      const { pipes, backlog } = stream;
      if (pipes.length === 0) {
        return n === 1 && backlog.jobs === 0 ? { at: first, pace: null, swapSeconds: 0 } : null;
      }
      const pace = paceOf(pipes);
      const seconds = timeOf(stream, n);
      if (seconds === Number.POSITIVE_INFINITY) return null;
      const runs = Math.max(0, seconds - first.seconds) / (pace.mean * backlog.cost);
      const spread = after(first, spreadOf(pace, backlog, { runs, slots: pipes.length }));
      return { at: { seconds, ...spread }, pace, swapSeconds: 0 };
    },
  };
}
