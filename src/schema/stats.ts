import { setTimeout } from 'node:timers/promises';
import { isOperator } from '../accounts/index.ts';
import { InvalidInputError } from '../errors.ts';
import { queueLabel } from '../kinds/index.ts';
import type { Stats } from '../tasks/index.ts';
import { builder } from './builder.ts';
import { TaskKindEnum } from './kinds/index.ts';
import { live } from './live.ts';

const QueueStatsType = builder.objectRef<Stats['queues'][number]>('QueueStats').implement({
  fields: (t) => ({
    name: t.string({ resolve: ({ kind, model }) => queueLabel(kind, model) }),
    kind: t.expose('kind', { type: TaskKindEnum }),
    model: t.exposeString('model'),
    queued: t.exposeInt('queued'),
    running: t.exposeInt('running'),
    scheduled: t.exposeInt('scheduled'),
    capacity: t.exposeInt('capacity'),
    usage: t.exposeFloat('usage', { description: 'Share of the capacity that is taken' }),
    slots: t.exposeInt('slots'),
    oldestQueuedMs: t.exposeInt('oldestQueuedMs', { nullable: true }),
  }),
});

const WorkerStatsType = builder.objectRef<Stats['workers']>('WorkerStats').implement({
  fields: (t) => ({
    processes: t.exposeInt('processes'),
    active: t.exposeInt('active'),
    idle: t.exposeInt('idle'),
  }),
});

const NodeStatsType = builder.objectRef<Stats['nodes']>('NodeStats').implement({
  fields: (t) => ({
    healthy: t.exposeInt('healthy'),
    unhealthy: t.exposeInt('unhealthy'),
    draining: t.exposeInt('draining'),
    slots: t.exposeInt('slots'),
    busySlots: t.exposeInt('busySlots'),
  }),
});

const StatsType = builder.objectRef<Stats>('Stats').implement({
  fields: (t) => ({
    queues: t.field({ type: [QueueStatsType], resolve: ({ queues }) => queues }),
    workers: t.field({ type: WorkerStatsType, resolve: ({ workers }) => workers }),
    nodes: t.field({
      type: NodeStatsType,
      nullable: true,
      description: 'Operators and admins',
      resolve: ({ nodes }, _args, { viewer }) => (isOperator(viewer) ? nodes : null),
    }),
  }),
});

builder.queryField('stats', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: StatsType,
    description: 'Any signed-in user; nodes is null for plain users',
    resolve: (_root, _args, { services }) => services.tasks.stats(),
  }),
);

const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 3_600_000;

/** A value at once, then one after each interval, until the signal is aborted. */
async function* every<Value>(
  ms: number,
  read: () => Promise<Value>,
  signal: AbortSignal,
): AsyncGenerator<Value> {
  while (!signal.aborted) {
    yield await read();
    // Rejects for nothing but the signal.
    await setTimeout(ms, undefined, { signal }).catch(() => undefined);
  }
}

builder.subscriptionField('stats', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: StatsType,
    args: { everyMs: t.arg.int({ defaultValue: 1000 }) },
    subscribe: (_root, { everyMs }, context) => {
      const ms = everyMs ?? 1000;
      if (ms < MIN_INTERVAL_MS || ms > MAX_INTERVAL_MS) {
        const message = `must be ${MIN_INTERVAL_MS} to ${MAX_INTERVAL_MS.toLocaleString('en')}`;
        throw new InvalidInputError([{ path: 'everyMs', message }]);
      }
      return live(context, {
        open: (signal) => every(ms, () => context.services.tasks.stats(), signal),
        may: () => true,
      });
    },
    resolve: (stats) => stats,
  }),
);
