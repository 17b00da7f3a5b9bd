import type { Config } from './config.ts';
import { createLeadership } from './database/leadership.ts';
import { randomId } from './ids.ts';
import type { Log } from './log.ts';
import type { OpenServices } from './services.ts';
import { createHousekeeping, createWorker } from './worker/index.ts';

export interface WorkOptions {
  readonly services: OpenServices;
  readonly config: Config;
  readonly log: Log;
}

/** For what comes after the tasks: handing back, closing connections, stopping the embedded database. */
const SHARE_FOR_TASKS = 0.7;

/**
 * Starts what a worker process does: it runs tasks, and takes its turn at the duties of a leader.
 * @returns what drains all of it, within about the configured time
 */
export async function startWork({ services, config, log }: WorkOptions): Promise<() => Promise<void>> {
  const { database, nodes, tasks } = services;
  const { workerConcurrency: concurrency, leaseMs } = config;
  const worker = createWorker({ ...services, concurrency, leaseMs, log });
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
  ]);
  await worker.start();
  return async () => {
    await worker.drain(config.drainTimeoutMs * SHARE_FOR_TASKS);
    leading.abort();
    await duties;
  };
}
