import { Counter, Gauge, type Registry } from 'prom-client';
import type { Webhooks } from '../webhooks/index.ts';

/** Answers what brings the gauges of webhooks up to date; counters of attempts are always so. */
export function measureWebhooks(
  registry: Registry,
  webhooks: Pick<Webhooks, 'stats' | 'attempts'>,
): { read(): Promise<void>; reset(): void } {
  const registers = [registry];
  new Counter({
    name: 'switchyard_webhook_attempts_total',
    help: 'Requests of this process to webhooks that have ended; those given up are not made again',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(webhooks.attempts)) this.inc({ outcome }, count);
    },
  });
  const deliveries = new Gauge({
    name: 'switchyard_webhook_deliveries',
    help: 'Deliveries to webhooks that are still to be made: due, or waiting for another attempt',
    labelNames: ['state'],
    registers,
  });
  const endpoints = new Gauge({
    name: 'switchyard_webhooks',
    help: 'Webhooks, those that tasks name included',
    labelNames: ['state'],
    registers,
  });
  return {
    async read() {
      const { due, retrying, enabled, disabled } = await webhooks.stats();
      deliveries.set({ state: 'due' }, due);
      deliveries.set({ state: 'retrying' }, retrying);
      endpoints.set({ state: 'enabled' }, enabled);
      endpoints.set({ state: 'disabled' }, disabled);
    },
    reset() {
      deliveries.reset();
      endpoints.reset();
    },
  };
}
