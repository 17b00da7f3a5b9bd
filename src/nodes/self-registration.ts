import type { Database, GpuNode, Prisma } from '../database/index.ts';
import { InvalidInputError } from '../errors.ts';
import { newId } from '../ids.ts';
import { inOrderOfUse, knownModels } from './loaded-models.ts';
import { type NodeWriter, unproven } from './node-writer.ts';
import { hashOf } from './registry.ts';
import type { Heartbeat } from './types.ts';
import { type ValidHeartbeat, validHeartbeat } from './validation.ts';

/** Without a heartbeat for so long, a node that registered itself is taken to be gone. */
export const DEFAULT_NODE_LEASE_MS = 30_000;

/** Nodes that come and go by themselves, each with the token that it was first registered with. */
export interface SelfRegistration {
  /**
   * The node joins, or says that it is still there; a lease that ran out is begun anew. What operators made
   * of it stays until it says something else of itself; one that an operator removed stays removed until then.
   * @throws InvalidInputError, also for a name that is not this token's
   */
  heartbeat(tokenId: string, input: Heartbeat): Promise<GpuNode>;
}

export interface SelfRegistrationOptions {
  readonly database: Database;
  readonly write: NodeWriter;
  readonly leaseMs: number;
  /** Whether a node may register itself at that address. */
  readonly mayStandAt: (url: URL) => boolean;
}

// What nearly every heartbeat comes to: nothing but the lease has changed.
const RENEW = `
  UPDATE gpu_node SET lease_until = now() + $5 * interval '1 ms',
    loaded_models = CASE WHEN $6::jsonb IS NULL THEN loaded_models ELSE ${inOrderOfUse('$6::jsonb', 'loaded_models')} END
  WHERE name = $1 AND node_token_id = $2 AND config_hash = $3 AND leaving = $4 AND state <> 'REMOVED'
  RETURNING id`;

function refuse(path: string, message: string): InvalidInputError {
  return new InvalidInputError([{ path, message }]);
}

/** What becomes of a node's state by what it says. */
function stateAfter(known: GpuNode, leaving: boolean): Prisma.GpuNodeUpdateInput {
  if (leaving) return { leaving, state: known.state === 'REMOVED' ? 'REMOVED' : 'DRAINING' };
  if (known.state === 'REMOVED') return { leaving, ...unproven, state: 'ACTIVE', drainUntil: null };
  return { leaving, ...(known.leaving ? { state: 'ACTIVE', drainUntil: null } : {}) };
}

export function createSelfRegistration(options: SelfRegistrationOptions): SelfRegistration {
  const { database, write, leaseMs, mayStandAt } = options;

  async function renew(
    tokenId: string,
    node: ValidHeartbeat,
    loaded: string | null,
  ): Promise<GpuNode | null> {
    const { name, leaving } = node;
    const values = [name, tokenId, hashOf(node), leaving, leaseMs, loaded];
    const { rows } = await database.pool.query<{ id: string }>(RENEW, values);
    const [renewed] = rows;
    return renewed ? database.prisma.gpuNode.findUnique({ where: { id: renewed.id } }) : null;
  }

  async function join(tx: Prisma.TransactionClient, tokenId: string, node: ValidHeartbeat): Promise<GpuNode> {
    const { name, slots: slotCount, leaving, loadedModels: _, ...rest } = node;
    const configHash = hashOf(node);
    const data = { ...rest, slotCount, configHash };
    // Against the end of its lease, which may be noted at this moment.
    await tx.$executeRaw`SELECT FROM gpu_node WHERE name = ${name} FOR UPDATE`;
    const known = await tx.gpuNode.findUnique({ where: { name } });
    if (!known) {
      if (leaving) throw refuse('leaving', `there is no node named "${name}" that could leave`);
      return tx.gpuNode.create({ data: { id: newId(), name, nodeTokenId: tokenId, ...data } });
    }
    if (known.nodeTokenId !== tokenId) {
      throw refuse('name', `there is a node named "${name}" that was not registered with this token`);
    }
    const wasTakenOut = known.state === 'REMOVED' && known.leaseUntil === null && !known.leaving;
    if (wasTakenOut && known.configHash === configHash) {
      throw refuse('name', 'an operator removed this node; it stays removed as long as it is as it was');
    }
    const isElsewhere = known.url !== data.url || known.protocol !== data.protocol;
    return tx.gpuNode.update({
      where: { id: known.id },
      data: { ...data, ...(isElsewhere ? unproven : {}), ...stateAfter(known, leaving) },
    });
  }

  async function joinWithLease(
    tx: Prisma.TransactionClient,
    tokenId: string,
    node: ValidHeartbeat,
    loaded: string | null,
  ): Promise<GpuNode> {
    const { id } = await join(tx, tokenId, node);
    await tx.$executeRaw`
      UPDATE gpu_node SET lease_until = now() + ${leaseMs} * interval '1 ms',
        loaded_models = coalesce(${loaded}::jsonb, loaded_models) WHERE id = ${id}::uuid`;
    return tx.gpuNode.findUniqueOrThrow({ where: { id } });
  }

  return {
    async heartbeat(tokenId, input) {
      const node = validHeartbeat(input, '');
      const url = new URL(node.url);
      if (!mayStandAt(url)) {
        throw refuse('url', `nodes may not register themselves at ${url.hostname}: see NODE_ALLOW_HOSTS`);
      }
      const names = knownModels(node, node.loadedModels);
      const loaded = names === null ? null : JSON.stringify(names);
      return (await renew(tokenId, node, loaded)) ?? write((tx) => joinWithLease(tx, tokenId, node, loaded));
    },
  };
}
