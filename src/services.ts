import { createAccounts, mergeTiers } from './accounts/index.ts';
import { createArtifacts, openStorage } from './artifacts/index.ts';
import type { Closers } from './closers.ts';
import { type Config, configError } from './config.ts';
import { openDatabase } from './database/index.ts';
import { InvalidInputError } from './errors.ts';
import { type Carrier, createCarrier, createFeed } from './events/index.ts';
import { createGenerations } from './generations/index.ts';
import { createKnowledge } from './knowledge/index.ts';
import type { Log } from './log.ts';
import { createNodes, loadWorkflows, type Nodes } from './nodes/index.ts';
import { traceNodes } from './nodes/traced.ts';
import { createQueue, type Queue } from './queue/index.ts';
import { createSchedules } from './schedules/index.ts';
import type { Services } from './schema/index.ts';
import { deriveKey } from './secrets.ts';
import { createTasks } from './tasks/index.ts';
import { traceTasks } from './tasks/traced.ts';
import { openTracing, type Tracing } from './tracing/index.ts';
import { createUrlGuard } from './urls/index.ts';
import { createWebhooks } from './webhooks/index.ts';

/** What the API calls, and what lies below it. */
export interface OpenServices extends Services {
  readonly carrier: Carrier;
  readonly queue: Queue;
  /** Null where nobody asked for traces. */
  readonly tracing: Tracing | null;
}

export interface ServicesOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  /** Signs tokens and URLs: keys are derived from it, one for each purpose. */
  readonly secret: string;
  /** Asked when a URL is made: the port may be known only once the server listens. */
  readonly publicUrl: () => string;
  readonly log: Log;
  readonly closers: Closers;
}

/** @throws ConfigError for entries of GPU_NODES that are wrong */
async function seed(nodes: Nodes, { gpuNodes }: Config): Promise<void> {
  try {
    await nodes.seed(gpuNodes);
  } catch (error) {
    throw error instanceof InvalidInputError ? configError(error.issues) : error;
  }
}

/** Opens everything below the API on a migrated database, and leaves to `closers` how it is closed. */
export async function openServices(options: ServicesOptions): Promise<OpenServices> {
  const { config, databaseUrl, secret, publicUrl, log, closers } = options;
  const tracing = await openTracing({ endpoint: config.otlpEndpoint, log });
  if (tracing) closers.add(tracing.close);
  const database = await openDatabase({ url: databaseUrl, log });
  closers.add(database.close);
  const carrier = await createCarrier({ url: databaseUrl, log });
  closers.add(carrier.close);
  const tiers = mergeTiers(config.tiers);
  const accounts = createAccounts({
    database,
    carrier,
    jwtSecret: deriveKey(secret, 'access tokens'),
    tiers,
    registration: config.registration,
    log,
  });
  closers.add(accounts.close);
  const guard = createUrlGuard({ allowHosts: config.urlAllowHosts });
  closers.add(guard.close);
  const storage = await openStorage(config.storage);
  closers.add(storage.close);
  const artifacts = createArtifacts({
    database,
    storage,
    signingKey: deriveKey(secret, 'artifact URLs'),
    publicUrl,
    maxBytes: config.maxUploadBytes,
    limits: { FREE: tiers.FREE.storageMb, PRO: tiers.PRO.storageMb, VIP: tiers.VIP.storageMb },
    guard,
    log,
  });
  const feed = createFeed({ database, carrier, log });
  closers.add(feed.close);
  const { defaultModels, healthCheckIntervalMs, nodeLeaseMs, nodeAllowHosts } = config;
  const nodes = createNodes({
    database,
    carrier,
    log,
    defaultModels,
    healthCheckIntervalMs,
    checkUrl: guard.dispatcherFor,
    workflows: await loadWorkflows(config.workflowsDir),
    nodeLeaseMs,
    nodeAllowHosts,
  });
  closers.add(nodes.close);
  await seed(nodes, config);
  await nodes.registerLocal();
  const queue = await createQueue({ database, log });
  closers.add(queue.close);
  const tasks = createTasks({ database, queue, carrier, nodes, tiers, config, log });
  closers.add(tasks.close);
  const webhooks = createWebhooks({ database, carrier, guard, logDays: config.webhookLogDays, log });
  const knowledge = await createKnowledge({ database, artifacts, nodes, tasks, feed, log });
  const generations = createGenerations({ database, carrier, feed, nodes, tasks, config, log });
  closers.add(generations.close);
  return {
    ...{ database, carrier, accounts, artifacts, feed, queue, generations, knowledge, webhooks, tracing },
    nodes: tracing ? traceNodes(nodes, tracing) : nodes,
    tasks: tracing ? traceTasks(tasks, tracing) : tasks,
    schedules: createSchedules({ database, artifacts, nodes, tasks, webhooks, config, log }),
  };
}
