import type { Tier } from '../../database/index.ts';
import { kindOf } from '../../kinds/index.ts';
import type { Nodes } from '../../nodes/index.ts';
import type { Core } from '../core.ts';
import { lowered } from '../priority.ts';
import type { Submission } from '../types.ts';
import { type Estimate, estimateOf, estimateTask, type Made } from './estimate.ts';
import { type Facts, readFacts } from './facts.ts';
import { createForecast } from './forecast.ts';
import { type NewPlace, newPlaces } from './places.ts';
import { createObserve, type Observed, type ObserveOptions } from './read.ts';
import { reasonOf, type WaitingReason } from './reason.ts';

export type { Estimate } from './estimate.ts';
export type { WaitingReason } from './reason.ts';

/** Seconds until a task of that model would start that is submitted now; null where that can't be told. */
export type ExpectedWaits = (model: { readonly kind: string; readonly model: string }) => number | null;

export interface EstimateRequest {
  readonly taskId: string;
  /** In its queue, 1 being next; null where it has none. */
  readonly position: number | null;
}

/** When tasks start and end, and why they wait, by what the planner would decide. Up to a second old. */
export interface Forecasts {
  /** Of those of the tasks that wait or run, and for which it can be told. */
  estimates(asked: readonly EstimateRequest[]): Promise<Map<string, Estimate>>;
  /** Of those of the tasks that wait, and are not about to start. */
  waitingReasons(taskIds: readonly string[]): Promise<Map<string, WaitingReason>>;
  /**
   * What would become of a task that is submitted now; null where it can't be told. Submits nothing.
   * @throws NoSuchModelError
   */
  estimateSubmission(submission: Submission, tier: Tier): Promise<Estimate | null>;
  /** For a user's next task of normal priority. */
  expectedWaits(userId: string): Promise<ExpectedWaits>;
}

export interface ForecastsOptions extends ObserveOptions {
  readonly nodes: Pick<Nodes, 'views' | 'speeds' | 'swaps' | 'models'>;
}

/** Whoever asks again within this time is told by the same forecast. */
const FRESH_MS = 1_000;

/** Of a model that nothing was ever submitted for. */
const emptyQueue = (kind: string, model: string): NewPlace => ({
  queue: { id: '', kind, model, secondsPerUnit: kindOf(kind).secondsPerUnit },
  position: 1,
});

interface Latest extends Made, Pick<Observed, 'heads'> {}

export function createForecasts(core: Core, options: ForecastsOptions): Forecasts {
  const { pool, clock } = core.database;
  const observe = createObserve(core, options);
  let latest: Promise<Latest> | null = null;
  let madeAt = Number.NEGATIVE_INFINITY;

  async function make(): Promise<Latest> {
    const { situation, at, heads } = await observe();
    return { forecast: createForecast(situation), at, heads };
  }

  function current(): Promise<Latest> {
    if (!latest || performance.now() - madeAt > FRESH_MS) {
      madeAt = performance.now();
      latest = make();
      latest.catch(() => {
        latest = null;
      });
    }
    return latest;
  }

  function reason({ status, job, queue, ...task }: Facts, { forecast, heads }: Latest): WaitingReason | null {
    if (status === 'SCHEDULED') return 'SCHEDULED';
    if (status === 'BLOCKED') return 'DEPENDENCY';
    if (status !== 'QUEUED' || !job) return null;
    if (job.dueAt > clock.now().getTime()) return 'RETRY_BACKOFF';
    const waiting = { ...task, jobId: job.id, queuedAt: job.queuedAt, queueId: queue.id, ...queue };
    return reasonOf(waiting, forecast, heads.get(queue.id) ?? []);
  }

  return {
    async estimates(asked) {
      const [facts, made] = await Promise.all([
        readFacts(
          pool,
          asked.map(({ taskId }) => taskId),
        ),
        current(),
      ]);
      const now = clock.now().getTime();
      const positions = new Map(asked.map(({ taskId, position }) => [taskId, position]));
      return new Map(
        facts.flatMap((task) => {
          const estimate = estimateTask(task, made, { now, position: positions.get(task.id) ?? null });
          return estimate ? [[task.id, estimate] as const] : [];
        }),
      );
    },
    async waitingReasons(taskIds) {
      const [facts, made] = await Promise.all([readFacts(pool, taskIds), current()]);
      return new Map(
        facts.flatMap((task) => {
          const why = reason(task, made);
          return why ? [[task.id, why] as const] : [];
        }),
      );
    },
    async estimateSubmission({ userId, kind, model: wanted, input, priority, startAt }, tier) {
      const model = await options.nodes.models.choose(kind, wanted);
      const request = { userId, priority: lowered(priority, options.tiers[tier].maxPriority), kind, model };
      const [[place], { forecast }] = await Promise.all([newPlaces(pool, request), current()]);
      const { queue, position } = place ?? emptyQueue(kind, model);
      const start = forecast.startAt(queue, position);
      const now = clock.now().getTime();
      const earliest = Math.max(now, startAt?.getTime() ?? 0);
      return start && estimateOf(start, { cost: kindOf(kind).cost(input), from: now, earliest });
    },
    async expectedWaits(userId) {
      const [places, { forecast }] = await Promise.all([
        newPlaces(pool, { userId, priority: 'NORMAL' }),
        current(),
      ]);
      const byModel = new Map(places.map((place) => [`${place.queue.kind} ${place.queue.model}`, place]));
      return ({ kind, model }) => {
        const { queue, position } = byModel.get(`${kind} ${model}`) ?? emptyQueue(kind, model);
        return forecast.startAt(queue, position)?.at.seconds ?? null;
      };
    },
  };
}
