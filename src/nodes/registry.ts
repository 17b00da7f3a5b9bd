import { createHash } from 'node:crypto';
import type { Database, GpuNode, Prisma } from '../database/index.ts';
import { AlreadyExistsError, type InputIssue, InvalidInputError, NotFoundError } from '../errors.ts';
import type { Carrier } from '../events/announcement.ts';
import { newId } from '../ids.ts';
import type { NodeChanges, NodeInput } from './types.ts';
import { type ValidNode, validChanges, validNode } from './validation.ts';

/** Of the advisory lock under which nodes are written. */
const REGISTRY_LOCK = 0x5717_0de5;

/** Which nodes there are. Every change is announced; a removed node keeps its row, since attempts name it. */
export interface Registry {
  /**
   * Takes over the entries of the configuration, by name. An entry that has not changed since it was last
   * taken over leaves the node as operators have made it, removed ones included.
   * @throws InvalidInputError with the path of what is wrong: `GPU_NODES.0.url`
   */
  seed(entries: readonly NodeInput[]): Promise<void>;
  /** A removed node's name can be used again. @throws InvalidInputError, AlreadyExistsError */
  register(input: NodeInput): Promise<GpuNode>;
  /** @throws InvalidInputError, NotFoundError */
  update(id: string, input: NodeChanges): Promise<GpuNode>;
  /** The node takes no new work. @throws NotFoundError */
  drain(id: string): Promise<GpuNode>;
  /** Ends a drain. @throws NotFoundError */
  resume(id: string): Promise<GpuNode>;
  /** The node takes no new work and is seen no more; what runs there runs to its end. @throws NotFoundError */
  remove(id: string): Promise<void>;
  /** Those that have not been removed, oldest first. */
  list(): Promise<GpuNode[]>;
}

/** What a node starts with when it is new, stands elsewhere, or comes back: it is asked at once. */
const unproven = { healthy: false, failures: 0, lastSeenAt: null, nextProbeAt: new Date(0) };

function hashOf(entry: ValidNode): string {
  return createHash('sha256').update(JSON.stringify(entry)).digest('hex');
}

/** @throws InvalidInputError with everything that is wrong, over all entries */
function validEntries(entries: readonly NodeInput[]): ValidNode[] {
  const issues: InputIssue[] = [];
  const valid = entries.flatMap((entry, n) => {
    try {
      return [validNode(entry, `GPU_NODES.${n}`)];
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      issues.push(...error.issues);
      return [];
    }
  });
  if (issues.length > 0) throw new InvalidInputError(issues);
  return valid;
}

async function takeOver(tx: Prisma.TransactionClient, entry: ValidNode): Promise<GpuNode | null> {
  const configHash = hashOf(entry);
  const { name, slots: slotCount, ...rest } = entry;
  const data = { ...rest, slotCount, configHash };
  const known = await tx.gpuNode.findUnique({ where: { name } });
  if (!known) return tx.gpuNode.create({ data: { id: newId(), name, ...data } });
  if (known.configHash === configHash) return null;
  const isElsewhere = known.url !== data.url || known.protocol !== data.protocol;
  return tx.gpuNode.update({
    where: { id: known.id },
    data: {
      ...data,
      ...(known.state === 'REMOVED' ? { state: 'ACTIVE' } : {}),
      ...(isElsewhere || known.state === 'REMOVED' ? unproven : { nextProbeAt: unproven.nextProbeAt }),
    },
  });
}

async function present(tx: Prisma.TransactionClient, id: string): Promise<GpuNode> {
  const node = await tx.gpuNode.findUnique({ where: { id } });
  if (!node || node.state === 'REMOVED') throw new NotFoundError('there is no such node');
  return node;
}

async function enroll(tx: Prisma.TransactionClient, input: NodeInput): Promise<GpuNode> {
  const { name, slots: slotCount, ...rest } = validNode(input, '');
  const data = { ...rest, slotCount };
  const known = await tx.gpuNode.findUnique({ where: { name } });
  if (!known) return tx.gpuNode.create({ data: { id: newId(), name, ...data } });
  if (known.state !== 'REMOVED') throw new AlreadyExistsError(`there is a node named "${name}" already`);
  return tx.gpuNode.update({ where: { id: known.id }, data: { ...data, ...unproven, state: 'ACTIVE' } });
}

async function change(tx: Prisma.TransactionClient, id: string, input: NodeChanges): Promise<GpuNode> {
  const node = await present(tx, id);
  const { url, slots, offers, token } = validChanges(input, node.protocol, '');
  const isElsewhere = url !== undefined && url !== node.url;
  return tx.gpuNode.update({
    where: { id },
    data: {
      ...(url === undefined ? {} : { url }),
      ...(slots === undefined || slots === null ? {} : { slotCount: slots }),
      ...(offers === undefined ? {} : { offers }),
      ...(token === undefined ? {} : { token }),
      ...(isElsewhere ? unproven : { nextProbeAt: unproven.nextProbeAt }),
    },
  });
}

async function setState(tx: Prisma.TransactionClient, id: string, state: GpuNode['state']): Promise<GpuNode> {
  await present(tx, id);
  return tx.gpuNode.update({ where: { id }, data: { state } });
}

export function createRegistry({ database, carrier }: { database: Database; carrier: Carrier }): Registry {
  /** Runs `work`, gives the node the slots that it lacks then, and tells everybody. Writers wait for each other. */
  async function write<Node extends GpuNode | null>(
    work: (tx: Prisma.TransactionClient) => Promise<Node>,
  ): Promise<Node> {
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
  }

  return {
    async seed(entries) {
      for (const entry of validEntries(entries)) await write((tx) => takeOver(tx, entry));
    },
    register: (input) => write((tx) => enroll(tx, input)),
    update: (id, input) => write((tx) => change(tx, id, input)),
    drain: (id) => write((tx) => setState(tx, id, 'DRAINING')),
    resume: (id) => write((tx) => setState(tx, id, 'ACTIVE')),
    remove: async (id) => void (await write((tx) => setState(tx, id, 'REMOVED'))),
    list: () =>
      database.prisma.gpuNode.findMany({ where: { state: { not: 'REMOVED' } }, orderBy: { id: 'asc' } }),
  };
}
