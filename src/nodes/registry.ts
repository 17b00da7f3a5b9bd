import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Database, GpuNode, Prisma } from '../database/index.ts';
import { AlreadyExistsError, type InputIssue, InvalidInputError, NotFoundError } from '../errors.ts';
import { newId } from '../ids.ts';
import { valid } from '../validation.ts';
import { assertChangeable, assertNotLocal, assertRemovable, LOCAL_NODE_ID } from './local-node.ts';
import { type NodeWriter, unproven } from './node-writer.ts';
import type { NodeChanges, NodeInput } from './types.ts';
import { type ValidNode, validChanges, validNode } from './validation.ts';

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
  /**
   * The node takes no new work; what still runs after `timeoutMs` is handed back to its queue. Null or left
   * out: it runs to its end. @throws InvalidInputError, NotFoundError
   */
  drain(id: string, timeoutMs?: number | null): Promise<GpuNode>;
  /** Ends a drain. @throws NotFoundError */
  resume(id: string): Promise<GpuNode>;
  /** The node takes no new work and is seen no more; what runs there runs to its end. @throws NotFoundError */
  remove(id: string): Promise<void>;
  /** Those that have not been removed, oldest first; without the built-in one. */
  list(): Promise<GpuNode[]>;
}

/** Of a node that was put there: it stays, whatever it says of itself. */
const stationary = { nodeTokenId: null, leaseUntil: null, leaving: false, drainUntil: null };

/** Of what a node is, as its entry or it itself says: whether that has changed. */
export function hashOf({
  name,
  url,
  protocol,
  slots,
  offers,
  token,
}: Omit<ValidNode, 'token'> & Partial<ValidNode>): string {
  const entry = { name, url, protocol, slots, offers, token };
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
  assertNotLocal(known.id, name);
  if (known.configHash === configHash) return null;
  const isElsewhere = known.url !== data.url || known.protocol !== data.protocol;
  return tx.gpuNode.update({
    where: { id: known.id },
    data: {
      ...data,
      ...stationary,
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
  return tx.gpuNode.update({
    where: { id: known.id },
    data: { ...data, ...stationary, ...unproven, state: 'ACTIVE' },
  });
}

async function change(tx: Prisma.TransactionClient, id: string, input: NodeChanges): Promise<GpuNode> {
  const node = await present(tx, id);
  assertChangeable(id, input);
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

/** Whatever it was about to do by itself, an operator has decided otherwise. */
async function setState(tx: Prisma.TransactionClient, id: string, state: GpuNode['state']): Promise<GpuNode> {
  await present(tx, id);
  const lease = state === 'REMOVED' ? { leaseUntil: null } : {};
  return tx.gpuNode.update({ where: { id }, data: { state, drainUntil: null, leaving: false, ...lease } });
}

async function drain(tx: Prisma.TransactionClient, id: string, timeoutMs: number | null): Promise<GpuNode> {
  const draining = await setState(tx, id, 'DRAINING');
  if (timeoutMs === null) return draining;
  await tx.$executeRaw`
    UPDATE gpu_node SET drain_until = now() + ${timeoutMs} * interval '1 ms' WHERE id = ${id}::uuid`;
  return tx.gpuNode.findUniqueOrThrow({ where: { id } });
}

/** A day. */
const drainTimeout = z.number().int().min(0).max(86_400_000).nullable();

export function createRegistry(database: Database, write: NodeWriter): Registry {
  return {
    async seed(entries) {
      for (const entry of validEntries(entries)) await write((tx) => takeOver(tx, entry));
    },
    register: (input) => write((tx) => enroll(tx, input)),
    update: (id, input) => write((tx) => change(tx, id, input)),
    async drain(id, timeoutMs = null) {
      const checked = valid(drainTimeout, timeoutMs, 'timeoutMs');
      return write((tx) => drain(tx, id, checked));
    },
    resume: (id) => write((tx) => setState(tx, id, 'ACTIVE')),
    async remove(id) {
      assertRemovable(id);
      await write((tx) => setState(tx, id, 'REMOVED'));
    },
    list: () =>
      database.prisma.gpuNode.findMany({
        where: { id: { not: LOCAL_NODE_ID }, state: { not: 'REMOVED' } },
        orderBy: { id: 'asc' },
      }),
  };
}
