import type { Dispatcher } from 'undici';
import type { Database, Transaction } from '../database/index.ts';
import { NotFoundError } from '../errors.ts';
import type { Carrier } from '../events/index.ts';
import type { KindName } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import { createAllowedHosts } from './allowed-hosts.ts';
import { createBreaker } from './breaker.ts';
import { createDepartures, type Departure } from './departures.ts';
import { type ConnectedNode, createDirectory } from './directory.ts';
import { createEstimates, type MeasuredSpeed, type Run } from './estimates.ts';
import { isDead } from './liveness.ts';
import { type Load, noteLoads } from './loaded-models.ts';
import { registerLocalNode } from './local-node.ts';
import { createModels, type Models } from './models.ts';
import { createNodeTokens, type NodeTokens } from './node-tokens.ts';
import { createNodeWriter } from './node-writer.ts';
import type { NodeView, SwapView } from './planner/index.ts';
import { createProber } from './prober.ts';
import { createRegistry, type Registry } from './registry.ts';
import { createSelfRegistration, DEFAULT_NODE_LEASE_MS, type SelfRegistration } from './self-registration.ts';
import { readNodeViews } from './slots.ts';
import type { Workflows } from './workflows.ts';

export { type CircuitState, circuitOf } from './breaker.ts';
export type { Departure } from './departures.ts';
export type { ConnectedNode } from './directory.ts';
export type { MeasuredSpeed, Run } from './estimates.ts';
export { LOCAL_NODE_ID } from './local-node.ts';
export { offersOf } from './models.ts';
export { isNodeSecret } from './node-tokens.ts';
export * from './planner/index.ts';
export {
  type MadeByKind,
  type MadeFile,
  NodeFault,
  type NodeProtocol,
  type RemoteJob,
  type StopRequest,
} from './protocols/index.ts';
export type { Heartbeat, NodeChanges, NodeInput, NodeStatus, Offer, OfferedModel } from './types.ts';
export { statusOf } from './types.ts';
export { validNode } from './validation.ts';
export { loadWorkflows, type Workflows } from './workflows.ts';

/** The GPU nodes: which there are, what they offer, how fast they are, and how to reach them. */
export interface Nodes extends Registry, SelfRegistration {
  readonly models: Models;
  /** Sees to it that the built-in node is there: see `local-node.ts`. At each start. */
  registerLocal(): Promise<void>;
  /** What node agents authenticate with. */
  readonly tokens: NodeTokens;
  /** The nodes that may take work now with their slots, as the claim's transaction sees them. Locks nothing. */
  views(tx: Pick<Transaction, 'query'>): Promise<NodeView[]>;
  /** Measured speeds for planning; up to a second old. */
  speeds(): Promise<readonly MeasuredSpeed[]>;
  /** What loading models was measured to take; up to a second old. */
  swaps(): Promise<readonly SwapView[]>;
  /**
   * Notes, in the claim's transaction, the models that nodes are about to run, so that the next plan knows
   * what they hold. Answers for each whether the node has to load it first.
   * @param views as the plan was made from
   */
  noteLoads(
    tx: Pick<Transaction, 'query'>,
    views: readonly NodeView[],
    loads: readonly Load[],
  ): Promise<readonly boolean[]>;
  /** Remembers how long a run took. */
  recordRun(run: Run): void;
  /** See `Estimates`. */
  expectedSeconds(run: Omit<Run, 'seconds' | 'isSwap'>): Promise<number>;
  /** See `Breaker`. */
  reportFailure(nodeId: string): Promise<number>;
  reportSuccess(nodeId: string): Promise<void>;
  /**
   * Why what runs on that node is to end: it is lost (it is not heard of any more; or marked unhealthy, and
   * nothing listens at its address), or its drain is over. Null: it may run on.
   */
  departure(nodeId: string): Promise<Departure | null>;
  /** Probes the nodes, and sees to those that go, until the signal aborts. One process at a time does so, as a leader. */
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
  readonly checkUrl?: (url: URL, ownHost: string) => Promise<Dispatcher>;
  /** See `loadWorkflows`; none by default. */
  readonly workflows?: Workflows;
  /** How long a node that registered itself is there without a heartbeat: 30 seconds. */
  readonly nodeLeaseMs?: number;
  /** Where nodes may register themselves; left out: everywhere. See `createAllowedHosts`. */
  readonly nodeAllowHosts?: readonly string[];
}

const HEALTH_CHECK_INTERVAL_MS = 15_000;

export function createNodes(options: NodesOptions): Nodes {
  const { database, carrier, log, defaultModels = {}, checkUrl } = options;
  const intervalMs = options.healthCheckIntervalMs ?? HEALTH_CHECK_INTERVAL_MS;
  const directory = createDirectory({ database, carrier, checkUrl, workflows: options.workflows });
  const estimates = createEstimates({ database, log });

  async function connect(id: string): Promise<ConnectedNode> {
    const node = await directory.find(id);
    if (!node) throw new NotFoundError('there is no such node');
    return directory.connect(node);
  }

  const write = createNodeWriter(database, carrier);
  const departures = createDepartures({ database, carrier, log });
  const prober = createProber({ database, carrier, directory, intervalMs, log });

  async function isLost(id: string): Promise<boolean> {
    const node = await directory.find(id);
    if (!node || node.healthy) return false;
    using connected = directory.connect(node);
    return isDead(connected.client);
  }

  return {
    ...createRegistry(database, write),
    ...createBreaker({ database, carrier, directory, intervalMs, log }),
    ...createSelfRegistration({
      database,
      write,
      leaseMs: options.nodeLeaseMs ?? DEFAULT_NODE_LEASE_MS,
      mayStandAt: createAllowedHosts(options.nodeAllowHosts ?? []),
    }),
    models: createModels({ database, directory, defaultModels }),
    registerLocal: () => registerLocalNode(write),
    tokens: createNodeTokens(database),
    views: readNodeViews,
    speeds: estimates.speeds,
    swaps: estimates.swaps,
    noteLoads,
    recordRun: estimates.record,
    expectedSeconds: estimates.expectedSeconds,
    probe: async (signal) => void (await Promise.all([prober.run(signal), departures.watch(signal)])),
    connect,
    departure: async (id) => (await departures.of(id)) ?? ((await isLost(id)) ? 'lost' : null),
    async close() {
      await estimates.close();
      await directory.close();
    },
  };
}
