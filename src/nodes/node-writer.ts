import { type Database, type GpuNode, Prisma } from '../database/index.ts';
import type { Carrier } from '../events/index.ts';

/** Of the advisory lock under which nodes are registered, changed and set aside. */
export const REGISTRY_LOCK = 0x5717_0de5;

/** What a node starts with when it is new, stands elsewhere, or comes back: it is asked at once. */
export const unproven = {
  healthy: false,
  failures: 0,
  ejections: 0,
  ejectedUntil: null,
  lastSeenAt: null,
  loadedModels: Prisma.DbNull,
  nextProbeAt: new Date(0),
};

/** Runs `work`, gives the node the slots that it lacks then, and tells everybody. Writers wait for each other. */
export type NodeWriter = <Node extends GpuNode | null>(
  work: (tx: Prisma.TransactionClient) => Promise<Node>,
) => Promise<Node>;

export function createNodeWriter(database: Database, carrier: Carrier): NodeWriter {
  return async (work) => {
    const node = await database.prisma.$transaction(async (tx) => {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(${REGISTRY_LOCK})`;
      const written = await work(tx);
      if (written) {
        await tx.$executeRaw`
          INSERT INTO slot (node_id, slot_no)
          SELECT ${written.id}::uuid, generate_series(1, ${written.slotCount}::int) ON CONFLICT DO NOTHING`;
      }
      return written;
    });
    if (node) {
      carrier.announce({ type: 'node', id: node.id });
      carrier.announce({ type: 'slots' });
    }
    return node;
  };
}
