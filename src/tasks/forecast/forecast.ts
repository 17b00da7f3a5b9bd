import { type NodeView, offersModel, type QueueView } from '../../nodes/index.ts';
import { createFlow } from './flow.ts';
import { certain, createPaces } from './paces.ts';
import { type Simulated, simulate } from './simulate.ts';
import type { Pace, Situation, Start } from './types.ts';

type Model = Pick<QueueView, 'id' | 'kind' | 'model' | 'secondsPerUnit'>;

/** When jobs start, by the planner's own decisions. Null wherever it can't be told. */
export interface Forecast {
  readonly situation: Situation;
  readonly simulated: Simulated;
  /** Of a job near the head of its queue, by its id; undefined for one that was not there. */
  startOf(jobId: string): Start | null | undefined;
  /** Of the job at that position in its queue, 1 being next, and beyond its end. */
  startAt(queue: Model, position: number): Start | null;
}

const average = (values: readonly number[]): number =>
  values.length === 0 ? 1 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Simulates the heads of the queues, and lets what is behind them flow. */
export function createForecast(situation: Situation): Forecast {
  const { nodes, queues, behind, busy, limits, room, speeds } = situation;
  const simulated = simulate(situation);
  const heads = new Map(queues.map((queue) => [queue.id, queue.heads]));
  const running = busy.filter(({ job }) => job !== null).length;
  const slots = simulated.slots.length;
  const share = slots === 0 ? 1 : Math.min(1, (room + running) / slots);

  /** How many of its jobs may run at once. */
  function atOnce({ kind, model }: Model): number {
    const of = (
      most: ReadonlyMap<string, number> | undefined,
      key: string,
      name: 'kind' | 'model',
    ): number => {
      const left = most?.get(key);
      if (left === undefined) return Number.POSITIVE_INFINITY;
      return left + busy.filter(({ job }) => job?.[name] === key).length;
    };
    return Math.min(of(limits.kinds, kind, 'kind'), of(limits.models, model, 'model'));
  }

  const isFull = ({ kind, model }: Model): boolean =>
    limits.kinds?.get(kind) === 0 || limits.models?.get(model) === 0;
  const able = (queue: Model): NodeView[] => nodes.filter((node) => offersModel(node, queue));
  const isIdle = (queue: Model): boolean => room > 0 && able(queue).some(({ id }) => simulated.idle.has(id));
  const paces = createPaces(nodes, speeds);

  /** On the fastest of the idle ones. */
  function paceOf(queue: Model): Pace | null {
    const idle = able(queue).filter(({ id }) => simulated.idle.has(id));
    const known = idle.flatMap(({ id }) => paces(id, queue) ?? []);
    return known.toSorted((a, b) => a.mean - b.mean)[0] ?? null;
  }

  const flowOf = (extra: readonly Model[]) =>
    createFlow({
      ...{ nodes, slots: simulated.slots, share, paces },
      backlogs: [...queues, ...extra].map((queue) => ({
        queue,
        jobs: (simulated.left.get(queue.id)?.length ?? 0) + (behind.get(queue.id) ?? 0),
        cost: average((heads.get(queue.id) ?? []).map(({ cost }) => cost)),
        atOnce: atOnce(queue),
      })),
    });
  const flow = flowOf([]);

  return {
    situation,
    simulated,
    startOf(jobId) {
      const known = simulated.starts.get(jobId);
      if (known !== undefined) return known;
      for (const [queueId, left] of simulated.left) {
        const n = left.findIndex(({ id }) => id === jobId);
        const queue = queues.find(({ id }) => id === queueId);
        if (n >= 0 && queue)
          return room + running > 0 && simulated.isKnown(queue) ? flow.start(queueId, n + 1) : null;
      }
      return undefined;
    },
    startAt(queue, position) {
      const own = heads.get(queue.id) ?? [];
      // Positions count what the heads leave out, and a limit on what runs now ends nobody knows when.
      if (situation.fullUsers.size > 0 || isFull(queue)) return null;
      if (own.length === 0 && isIdle(queue))
        return { at: { seconds: 0, ...certain }, pace: paceOf(queue), swapSeconds: 0 };
      const taken = own[position - 1];
      if (taken) return this.startOf(taken.id) ?? null;
      if (room + running === 0 || !simulated.isKnown(queue)) return null;
      const n = Math.max(1, position - own.length) + (simulated.left.get(queue.id)?.length ?? 0);
      return (heads.has(queue.id) ? flow : flowOf([queue])).start(queue.id, n);
    },
  };
}
