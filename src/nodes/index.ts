import type { Dispatcher } from 'undici';
import type { Database, Transaction } from '../database/index.ts';
import { NotFoundError } from '../errors.ts';
import type { Carrier } from '../events/announcement.ts';
import type { KindName } from '../kinds/index.ts';
import type { Log } from '../log.ts';
import { type ConnectedNode, createDirectory } from './directory.ts';
import { createEstimates, type Run } from './estimates.ts';
import { createModels, type Models } from './models.ts';
import type { NodeView, SpeedView } from './planner/index.ts';
import { createRegistry, type Registry } from './registry.ts';
import { readNodeViews } from './slots.ts';

export type { ConnectedNode } from './directory.ts';
export type { Run } from './estimates.ts';
export { offersOf } from './models.ts';
export * from './planner/index.ts';
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
  /** How to call that node. Dispose of the answer after the call. @throws NotFoundError for a removed node */
  connect(id: string): Promise<ConnectedNode>;
  close(): Promise<void>;
}

export interface NodesOptions {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly log: Log;
  readonly defaultModels?: Readonly<Partial<Record<KindName, string>>>;
  /** See `NodeClientOptions.checkUrl`. */
  readonly checkUrl?: (url: URL) => Promise<Dispatcher>;
}

export function createNodes({ database, carrier, log, defaultModels = {}, checkUrl }: NodesOptions): Nodes {
  const directory = createDirectory({ database, carrier, checkUrl });
  const estimates = createEstimates({ database, log });
  return {
    ...createRegistry({ database, carrier }),
    models: createModels({ database, directory, defaultModels }),
    views: readNodeViews,
    speeds: estimates.speeds,
    recordRun: estimates.record,
    async connect(id) {
      const node = await directory.find(id);
      if (!node) throw new NotFoundError('there is no such node');
      return directory.connect(node);
    },
    async close() {
      await estimates.close();
      await directory.close();
    },
  };
}
