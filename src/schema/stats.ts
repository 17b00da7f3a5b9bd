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
    name: t.string({
      description: 'Of its kind and model, for people: text-to-image/qwen-image',
      resolve: ({ kind, model }) => queueLabel(kind, model),
    }),
    kind: t.expose('kind', { type: TaskKindEnum, description: 'What its tasks are' }),
    model: t.exposeString('model', { description: 'What its tasks are done with' }),
    queued: t.exposeInt('queued', { description: 'Tasks that wait for a slot' }),
    running: t.exposeInt('running', { description: 'Tasks that a node works on' }),
    scheduled: t.exposeInt('scheduled', {
      description: 'Tasks that wait for their start time, or for other tasks',
    }),
    capacity: t.exposeInt('capacity', { description: 'How many tasks may wait' }),
    usage: t.exposeFloat('usage', { description: 'Share of the capacity that is taken' }),
    slots: t.exposeInt('slots', { description: 'Slots of nodes that can take its tasks now' }),
    oldestQueuedMs: t.exposeInt('oldestQueuedMs', {
      nullable: true,
      description: 'How long the task that waits longest has waited; null where none waits',
    }),
  }),
});

const WorkerStatsType = builder.objectRef<Stats['workers']>('WorkerStats').implement({
  fields: (t) => ({
    processes: t.exposeInt('processes', { description: 'Worker processes that hold a lease' }),
    active: t.exposeInt('active', { description: 'Tasks that they run' }),
    idle: t.exposeInt('idle', { description: 'Tasks that they could run beside' }),
  }),
});

const NodeStatsType = builder.objectRef<Stats['nodes']>('NodeStats').implement({
  fields: (t) => ({
    healthy: t.exposeInt('healthy', { description: 'Nodes that take tasks' }),
    unhealthy: t.exposeInt('unhealthy', { description: 'Nodes that do not answer as they should' }),
    draining: t.exposeInt('draining', { description: 'Nodes that take nothing new, by an operator' }),
    slots: t.exposeInt('slots', { description: 'Slots of all nodes' }),
    busySlots: t.exposeInt('busySlots', { description: 'Slots with a task' }),
  }),
});

const StatsType = builder.objectRef<Stats>('Stats').implement({
  fields: (t) => ({
    queues: t.field({
      type: [QueueStatsType],
      description: 'One for each kind and model that has or had tasks',
      resolve: ({ queues }) => queues,
    }),
    workers: t.field({
      type: WorkerStatsType,
      description: 'The processes that claim tasks and call nodes',
      resolve: ({ workers }) => workers,
    }),
    nodes: t.field({
      type: NodeStatsType,
      nullable: true,
      description: 'Operators and admins; null for others',
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
    description: 'At once, and then again and again',
    args: { everyMs: t.arg.int({ defaultValue: 1000, description: 'How often; 100 to 3,600,000' }) },
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
