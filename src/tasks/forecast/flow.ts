import type { NodeView, QueueView } from '../../nodes/index.ts';
import { after, certain, spanOf } from './paces.ts';
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

/** What a node's slots are to a queue. */
interface Pipe {
  readonly slots: number;
  readonly opensAt: number;
  readonly pace: Pace;
  /** Jobs a second, of all slots together. */
  readonly rate: number;
  /** How many queues share it. */
  readonly node: { sharers: number };
}

interface Stretch {
  readonly from: number;
  readonly served: number;
  readonly rate: number;
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

const offers = ({ offers: all }: NodeView, { kind, model }: Backlog['queue']): boolean =>
  all.some((offer) => offer.kind === kind && offer.models.includes(model));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function createStreams({ nodes, slots, backlogs, paces, share }: FlowOptions): Stream[] {
  const slotsOf = Map.groupBy(slots, ({ nodeId }) => nodeId);
  const shared = new Map(nodes.map(({ id }) => [id, { sharers: 0 }]));
  return backlogs.map((backlog) => {
    const able = nodes.filter((node) => offers(node, backlog.queue) && slotsOf.has(node.id));
    const pipes = able.flatMap(({ id }): Pipe[] => {
      const own = slotsOf.get(id) ?? [];
      const pace = paces(id, backlog.queue);
      const node = shared.get(id);
      if (!pace || !node) return [];
      if (backlog.jobs > 0) node.sharers++;
      const opensAt = sum(own.map(({ free }) => free.seconds)) / own.length;
      return [
        { slots: own.length, opensAt, pace, rate: (share * own.length) / (pace.mean * backlog.cost), node },
      ];
    });
    const opens = able
      .flatMap(({ id }) => slotsOf.get(id) ?? [])
      .map(({ free }) => free)
      .sort((a, b) => a.seconds - b.seconds);
    return { backlog, pipes, opens, stretches: [], served: 0, isDone: backlog.jobs === 0 };
  });
}

/** Jobs that start of it in a second, by then: nodes are shared evenly by the queues that have work for them. */
function rateAt({ pipes, backlog: { atOnce } }: Stream, time: number): number {
  const open = pipes.filter(({ opensAt }) => opensAt <= time);
  const slots = sum(open.map((pipe) => pipe.slots / Math.max(1, pipe.node.sharers)));
  const rate = sum(open.map((pipe) => pipe.rate / Math.max(1, pipe.node.sharers)));
  return slots > atOnce ? (rate * atOnce) / slots : rate;
}

/** Lets all of them run until each is empty. */
function run(streams: readonly Stream[]): void {
  const openings = [...new Set(streams.flatMap(({ pipes }) => pipes.map(({ opensAt }) => opensAt)))].sort(
    (a, b) => a - b,
  );
  let time = openings[0] ?? 0;
  for (;;) {
    const now = time;
    const rates = streams.map((stream) => (stream.isDone ? 0 : rateAt(stream, now)));
    const opening = openings.find((at) => at > now) ?? Number.POSITIVE_INFINITY;
    const ends = streams.map(({ backlog, served }, n) => {
      const rate = rates[n] ?? 0;
      return rate > 0 ? now + Math.max(0, backlog.jobs - served) / rate : Number.POSITIVE_INFINITY;
    });
    const next = Math.min(opening, ...ends);
    for (const [n, stream] of streams.entries()) {
      const rate = stream.isDone ? rateAt(stream, now) : (rates[n] ?? 0);
      // Of one that is empty, as it would go on.
      stream.stretches.push({ from: now, served: stream.served, rate });
      if (!stream.isDone && next < Number.POSITIVE_INFINITY) stream.served += rate * (next - now);
    }
    if (next === Number.POSITIVE_INFINITY) return;
    for (const [n, stream] of streams.entries()) {
      if (stream.isDone || (ends[n] ?? 0) > next) continue;
      stream.isDone = true;
      stream.served = stream.backlog.jobs;
      for (const { node } of stream.pipes) node.sharers--;
    }
    time = next;
  }
}

/** The first time at which so many have been served. */
function timeOf({ stretches }: Stream, served: number): number {
  for (const [n, { from, served: before, rate }] of stretches.entries()) {
    const at = rate > 0 ? from + Math.max(0, served - before) / rate : from;
    const isThere = rate > 0 || served <= before;
    if (isThere && at <= (stretches[n + 1]?.from ?? Number.POSITIVE_INFINITY)) return at;
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
      const slots = sum(stream?.pipes.map((pipe) => pipe.slots) ?? []);
      if (!stream || stream.opens.length === 0) return null;
      const opening = stream.opens[Math.min(n, stream.opens.length) - 1];
      const begins = { ...certain, ...opening, seconds: Math.max(0, opening?.seconds ?? 0) };
      if (n === 1 && stream.backlog.jobs === 0) {
        return { at: begins, pace: slots > 0 ? paceOf(stream.pipes) : null, swapSeconds: 0 };
      }
      if (slots === 0) return null;
      const pace = paceOf(stream.pipes);
      // Where slots take turns evenly, those that start on a slot of their own at first are ahead of the liquid.
      const served = n - (slots + 1) / 2;
      const flows = served > 0 ? timeOf(stream, served) : 0;
      const seconds = Math.max(flows, n <= slots ? begins.seconds : 0);
      if (seconds === Number.POSITIVE_INFINITY) return null;
      const runs = Math.max(0, seconds - begins.seconds) / (pace.mean * stream.backlog.cost);
      const spread = after(begins, spreadOf(pace, stream.backlog, { runs, slots }));
      return { at: { seconds, ...spread }, pace, swapSeconds: 0 };
    },
  };
}
