import type { Config } from './config.ts';
import { createLeadership } from './database/index.ts';
import { randomId } from './ids.ts';
import type { Log } from './log.ts';
import type { OpenServices } from './services.ts';
import { createHousekeeping, createWorker } from './worker/index.ts';

export interface WorkOptions {
  readonly services: OpenServices;
  readonly config: Config;
  readonly log: Log;
}

/** Of the time for a drain. What is left is for closing connections and stopping the embedded database. */
const SHARE_FOR_TASKS = 0.7;
const SHARE_FOR_HANDING_BACK = 0.15;

/**
 * Starts what a worker process does: it runs tasks, and takes its turn at the duties of a leader.
 * @returns what drains all of it, within about the configured time
 */
export async function startWork({ services, config, log }: WorkOptions): Promise<() => Promise<void>> {
  const { database, generations, nodes, tasks, webhooks } = services;
  const { workerConcurrency: concurrency, kindConcurrency, leaseMs } = config;
  const worker = createWorker({
    ...services,
    ...{ concurrency, kindConcurrency, leaseMs, log },
    localWork: services.knowledge.work,
  });
  const housekeeping = createHousekeeping({ ...services, log });
  const leadership = createLeadership({ database, holderId: randomId(), log });
  if (config.databaseUrl === null) {
    // Nobody else can be on an embedded database: whoever it knows is dead.
    await tasks.takePredecessors();
    await leadership.takePredecessors();
  }
  const leading = new AbortController();
  const duties = Promise.all([
    leadership.lead('probing', leading.signal, nodes.probe),
    leadership.lead('housekeeping', leading.signal, housekeeping.run),
    generations.follow(leading.signal),
  ]);
  const sending = new AbortController();
  const sent = webhooks.send(sending.signal, config.drainTimeoutMs * SHARE_FOR_TASKS);
  await worker.start();
  return async () => {
    const { drainTimeoutMs } = config;
    // What is told of the last tasks is for whoever is left, or the next start.
    sending.abort();
    await worker.drain(drainTimeoutMs * SHARE_FOR_TASKS, drainTimeoutMs * SHARE_FOR_HANDING_BACK);
    leading.abort();
    await Promise.all([duties, sent]);
  };
}
