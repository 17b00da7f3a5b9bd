import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client';
import type { Accounts } from '../accounts/index.ts';
import { queueLabel } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import type { Tasks } from '../tasks/index.ts';
import type { Webhooks } from '../webhooks/index.ts';
import { measureWebhooks } from './webhook-metrics.ts';

export interface Answered {
  readonly method: string;
  /** One of few: never a caller's own path. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

export interface Metrics {
  answered(request: Answered): void;
  /** Everything in the registry, in Prometheus' own format. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** The app's own; others add to it. */
  readonly registry: Registry;
  readonly tasks: Pick<Tasks, 'stats'>;
  readonly accounts: Pick<Accounts, 'passwordComparisons'>;
  readonly webhooks: Pick<Webhooks, 'stats' | 'attempts'>;
  readonly sockets: () => number;
  readonly subscriptions: () => number;
  readonly log: Log;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const { registry, tasks, accounts, webhooks, sockets, subscriptions, log } = options;
  const registers = [registry];
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name: `switchyard_${name}`, help, labelNames, registers });

  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'switchyard_http_request_seconds',
    help: 'Time to the end of the answer; of streams too',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120],
    registers,
  });
  new Counter({
    name: 'switchyard_password_comparisons_total',
    help: 'Passwords compared with a hash, which is slow by design',
    registers,
    collect() {
      this.reset();
      this.inc(accounts.passwordComparisons);
    },
  });
  const openSockets = gauge('sockets', 'Open WebSockets');
  const openSubscriptions = gauge('subscriptions', 'Open subscriptions, of sockets and streams');
  const queueTasks = gauge('queue_tasks', 'Tasks that are not final', ['queue', 'status']);
  const queueSlots = gauge('queue_slots', 'Slots that can take work of a queue', ['queue']);
  const workers = gauge('workers', 'Places of worker processes for attempts', ['state']);
  const workerProcesses = gauge('worker_processes', 'Worker processes with a lease');
  const nodes = gauge('nodes', 'GPU nodes', ['status']);
  const slots = gauge('slots', 'Slots of GPU nodes', ['state']);
  const ofWebhooks = measureWebhooks(registry, webhooks);
  const ofStats = [queueTasks, queueSlots, workers, workerProcesses, nodes, slots, ofWebhooks];

  async function readStats(): Promise<void> {
    const stats = await tasks.stats();
    queueTasks.reset();
    queueSlots.reset();
    for (const { kind, model, ...counts } of stats.queues) {
      const queue = queueLabel(kind, model);
      for (const status of ['queued', 'running', 'scheduled'] as const) {
        queueTasks.set({ queue, status }, counts[status]);
      }
      queueSlots.set({ queue }, counts.slots);
    }
    workerProcesses.set(stats.workers.processes);
    for (const state of ['active', 'idle'] as const) workers.set({ state }, stats.workers[state]);
    for (const status of ['healthy', 'unhealthy', 'draining'] as const) {
      nodes.set({ status }, stats.nodes[status]);
    }
    slots.set({ state: 'busy' }, stats.nodes.busySlots);
    slots.set({ state: 'free' }, stats.nodes.slots - stats.nodes.busySlots);
  }

  return {
    contentType: registry.contentType,
    answered({ method, route, status, seconds }) {
      requests.observe({ method, route, status }, seconds);
    },
    async text() {
      try {
        await Promise.all([readStats(), ofWebhooks.read()]);
      } catch (error) {
        log.warn({ err: error }, 'metrics of tasks, nodes and webhooks are missing');
        for (const metric of ofStats) metric.reset();
      }
      openSockets.set(sockets());
      openSubscriptions.set(subscriptions());
      return registry.metrics();
    },
  };
}
