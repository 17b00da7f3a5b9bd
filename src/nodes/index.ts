import type { Dispatcher } from 'undici';
import type { Database, Transaction } from '../database/index.ts';
import { NotFoundError } from '../errors.ts';
import type { Carrier } from '../events/announcement.ts';
import type { KindName } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import { createBreaker } from './breaker.ts';
import { type ConnectedNode, createDirectory } from './directory.ts';
import { createEstimates, type Run } from './estimates.ts';
import { isDead } from './liveness.ts';
import { createModels, type Models } from './models.ts';
import type { NodeView, SpeedView } from './planner/index.ts';
import { createProber } from './prober.ts';
import { createRegistry, type Registry } from './registry.ts';
import { readNodeViews } from './slots.ts';

export type { ConnectedNode } from './directory.ts';
export type { Run } from './estimates.ts';
export { offersOf } from './models.ts';
export * from './planner/index.ts';
export {
  type MadeByKind,
  type MadeFile,
  NodeFault,
  type NodeProtocol,
  type RemoteJob,
  type StopRequest,
} from './protocols/index.ts';
export type { NodeChanges, NodeInput, NodeStatus, Offer, OfferedModel } from './types.ts';
export { statusOf } from './types.ts';

/** The GPU nodes: which there are, what they offer, how fast they are, and how to reach them. */
export interface Nodes extends Registry {
  readonly models: Models;
  /** The nodes that may take work now with their slots, as the claim's transaction sees them. Locks nothing. */
  views(tx: Pick<Transaction, 'query'>): Promise<NodeView[]>;
  /** Measured speeds for planning; up to a second old. */
  speeds(): Promise<readonly SpeedView[]>;
  /** Remembers how long a run took. */
  recordRun(run: Run): void;
  /** See `Estimates`. */
  expectedSeconds(run: Omit<Run, 'seconds'>): Promise<number>;
  /** See `Breaker`. */
  reportFailure(nodeId: string): Promise<void>;
  reportSuccess(nodeId: string): Promise<void>;
  /** Whether that node counts as lost: marked unhealthy, and nothing listens at its address. */
  isLost(nodeId: string): Promise<boolean>;
  /** Probes the nodes until the signal aborts. One process at a time does so, as a leader. */
  probe(signal: AbortSignal): Promise<void>;
  /** How to call that node. Dispose of the answer after the call. @throws NotFoundError for a removed node */
  connect(id: string): Promise<ConnectedNode>;
  close(): Promise<void>;
}

export interface NodesOptions {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly log: Log;
  /** Between the probes of a healthy node; unhealthy ones are asked sooner. */
  readonly healthCheckIntervalMs?: number;
  readonly defaultModels?: Readonly<Partial<Record<KindName, string>>>;
  /** See `NodeClientOptions.checkUrl`. */
  readonly checkUrl?: (url: URL) => Promise<Dispatcher>;
}

const HEALTH_CHECK_INTERVAL_MS = 15_000;

export function createNodes(options: NodesOptions): Nodes {
  const { database, carrier, log, defaultModels = {}, checkUrl } = options;
  const intervalMs = options.healthCheckIntervalMs ?? HEALTH_CHECK_INTERVAL_MS;
  const directory = createDirectory({ database, carrier, checkUrl });
  const estimates = createEstimates({ database, log });

  async function connect(id: string): Promise<ConnectedNode> {
    const node = await directory.find(id);
    if (!node) throw new NotFoundError('there is no such node');
    return directory.connect(node);
  }

  return {
    ...createRegistry({ database, carrier }),
    ...createBreaker({ database, carrier, directory, intervalMs }),
    models: createModels({ database, directory, defaultModels }),
    views: readNodeViews,
    speeds: estimates.speeds,
    recordRun: estimates.record,
    expectedSeconds: estimates.expectedSeconds,
    probe: createProber({ database, carrier, directory, intervalMs, log }).run,
    connect,
    async isLost(id) {
      const node = await directory.find(id);
      if (!node || node.healthy) return false;
      using connected = directory.connect(node);
      return isDead(connected.client);
    },
    async close() {
      await estimates.close();
      await directory.close();
    },
  };
}
