import type { Database } from '../../src/database/index.ts';
import type { Announcement, Carrier, Resync } from '../../src/events/announcement.ts';
import { createCarrier } from '../../src/events/index.ts';
import { createNodes, type NodeInput, type Nodes } from '../../src/nodes/index.ts';
import { openTestDatabase } from '../support/database.ts';
import { testLog } from '../support/log.ts';

export interface NodesUnderTest extends AsyncDisposable {
  readonly database: Database;
  readonly carrier: Carrier;
  readonly nodes: Nodes;
  readonly heard: (Announcement | Resync)[];
  /** As another process sees the same nodes. */
  sibling(): Nodes;
}

/** Nodes on a database of their own. */
export async function openNodes(
  options: Partial<Parameters<typeof createNodes>[0]> = {},
): Promise<NodesUnderTest> {
  const database = await openTestDatabase();
  const carrier = createCarrier({ url: database.url, log: testLog });
  const open = () =>
    createNodes({ database, carrier, log: testLog, healthCheckIntervalMs: 1_000, ...options });
  const all = [open()];
  const heard: (Announcement | Resync)[] = [];
  carrier.listen((announcement) => heard.push(announcement));
  return {
    database,
    carrier,
    nodes: all[0] as Nodes,
    heard,
    sibling() {
      const sibling = open();
      all.push(sibling);
      return sibling;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((nodes) => nodes.close()));
      await carrier.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

export function painter(name: string, changes: Partial<NodeInput> = {}): NodeInput {
  return {
    name,
    url: 'http://127.0.0.1:9',
    protocol: 'QWEN_IMAGE_GGUF',
    offers: [{ kind: 'TEXT_TO_IMAGE', models: ['qwen-image'] }],
    ...changes,
  };
}
