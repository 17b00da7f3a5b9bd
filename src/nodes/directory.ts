import type { Dispatcher } from 'undici';
import type { Database, GpuNode } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';
import {
  createNodeClient,
  LOCAL,
  localClient,
  type NodeClient,
  type NodeProtocol,
  protocolOf,
} from './protocols/index.ts';
import type { Workflows } from './workflows.ts';

/** A node that can be called. Dispose of it after the call: the connections of a node that moved close then. */
export interface ConnectedNode extends Disposable {
  readonly id: string;
  readonly name: string;
  readonly protocol: NodeProtocol;
  readonly client: NodeClient;
  readonly workflows: Workflows;
}

/** The nodes as this process knows them, read again after each announcement, and its connections to them. */
export interface Directory {
  /** Every node that has not been removed, oldest first. */
  nodes(): Promise<readonly GpuNode[]>;
  /** Reads again before it answers that there is no such node. */
  find(id: string): Promise<GpuNode | undefined>;
  /** Forgets what was read. */
  invalidate(): void;
  connect(node: GpuNode): ConnectedNode;
  close(): Promise<void>;
}

interface Connection {
  /** Of what the client was made from. */
  readonly key: string;
  readonly client: NodeClient;
  uses: number;
  isRetired: boolean;
}

export interface DirectoryOptions {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly checkUrl?: ((url: URL, ownHost: string) => Promise<Dispatcher>) | undefined;
  readonly workflows?: Workflows | undefined;
}

const noWorkflows: Workflows = { names: [], find: () => null };

export function createDirectory(options: DirectoryOptions): Directory {
  const { database, carrier, checkUrl, workflows = noWorkflows } = options;
  const connections = new Map<string, Connection>();
  const closing = new Set<Promise<void>>();
  let rows: Promise<readonly GpuNode[]> | null = null;

  function invalidate(): void {
    rows = null;
  }

  function closeWhenUnused(connection: Connection): void {
    if (!connection.isRetired || connection.uses > 0) return;
    const closed = connection.client.close().finally(() => closing.delete(closed));
    closing.add(closed);
  }

  function retire(id: string, connection: Connection): void {
    connections.delete(id);
    connection.isRetired = true;
    closeWhenUnused(connection);
  }

  async function read(): Promise<readonly GpuNode[]> {
    const nodes = await database.prisma.gpuNode.findMany({
      where: { state: { not: 'REMOVED' } },
      orderBy: { id: 'asc' },
    });
    const ids = new Set(nodes.map(({ id }) => id));
    for (const [id, connection] of connections) if (!ids.has(id)) retire(id, connection);
    return nodes;
  }

  function connection({ id, url, token, slotCount, protocol }: GpuNode): Connection {
    const key = JSON.stringify([url, token, slotCount]);
    const known = connections.get(id);
    if (known?.key === key) return known;
    if (known) retire(id, known);
    const client =
      protocol === LOCAL
        ? localClient
        : createNodeClient({
            url: new URL(url),
            token,
            slots: slotCount,
            ...(checkUrl ? { checkUrl } : {}),
          });
    const made = { key, client, uses: 0, isRetired: false };
    connections.set(id, made);
    return made;
  }

  const deafen = carrier.listen((heard) => {
    if (heard.type === 'node' || heard.type === 'resync') invalidate();
  });

  function nodes(): Promise<readonly GpuNode[]> {
    if (!rows) {
      const reading = read();
      reading.catch(() => {
        if (rows === reading) rows = null;
      });
      rows = reading;
    }
    return rows;
  }

  return {
    nodes,
    async find(id) {
      const isIt = (node: GpuNode): boolean => node.id === id;
      const known = (await nodes()).find(isIt);
      if (known) return known;
      invalidate();
      return (await nodes()).find(isIt);
    },
    invalidate,
    connect(node) {
      const used = connection(node);
      used.uses++;
      return {
        id: node.id,
        name: node.name,
        protocol: protocolOf(node.protocol),
        client: used.client,
        workflows,
        [Symbol.dispose]() {
          used.uses--;
          closeWhenUnused(used);
        },
      };
    },
    async close() {
      deafen();
      for (const [id, open] of connections) {
        connections.delete(id);
        closing.add(open.client.close());
      }
      await Promise.all(closing);
    },
  };
}
