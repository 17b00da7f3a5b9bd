import { InvalidInputError, NotFoundError } from '../errors.ts';
import type { NodeWriter } from './node-writer.ts';
import { LOCAL } from './protocols/index.ts';
import type { NodeChanges, Offer } from './types.ts';

/** Of the node that stands for Switchyard's own workers: the same in every database. */
export const LOCAL_NODE_ID = '00000000-0000-7000-8000-000000000001';

const NAME = 'local';
/** Where a node of somebody's has the name already. */
const OTHER_NAME = 'local (built in)';
/** What its tasks do most is to wait for other nodes; how much is read at a time each worker bounds by itself. */
const SLOTS = 8;

/** The model of all that it does. */
const BUILT_IN_MODEL = 'builtin';

const offers = [{ kind: 'DOCUMENT', models: [BUILT_IN_MODEL] }] satisfies Offer[];

/** Sees to it that the built-in node is there. What operators made of its slots, or of its state, stays. */
export async function registerLocalNode(write: NodeWriter): Promise<void> {
  await write(async (tx) => {
    const known = await tx.gpuNode.findUnique({ where: { id: LOCAL_NODE_ID } });
    const current = { protocol: LOCAL, url: 'local:', offers };
    if (known) {
      const isCurrent = JSON.stringify(known.offers) === JSON.stringify(offers);
      return isCurrent ? null : tx.gpuNode.update({ where: { id: LOCAL_NODE_ID }, data: current });
    }
    const isTaken = (await tx.gpuNode.count({ where: { name: NAME } })) > 0;
    const name = isTaken ? OTHER_NAME : NAME;
    return tx.gpuNode.create({
      data: { id: LOCAL_NODE_ID, name, slotCount: SLOTS, healthy: true, ...current },
    });
  });
}

/** @throws NotFoundError for the built-in node, which stays */
export function assertRemovable(id: string): void {
  if (id === LOCAL_NODE_ID) throw new NotFoundError('the built-in node stays: drainNode has it take nothing');
}

/** @throws InvalidInputError where an entry of the configuration would change the built-in node */
export function assertNotLocal(id: string, name: string): void {
  if (id !== LOCAL_NODE_ID) return;
  throw new InvalidInputError([{ path: 'GPU_NODES', message: `"${name}" is the name of the built-in node` }]);
}

/** @throws InvalidInputError where more than the slots of the built-in node were to change */
export function assertChangeable(id: string, changes: NodeChanges): void {
  if (id !== LOCAL_NODE_ID) return;
  const fixed = (['url', 'offers', 'token'] as const).filter((field) => changes[field] !== undefined);
  if (fixed.length === 0) return;
  throw new InvalidInputError(
    fixed.map((path) => ({ path, message: 'can not change: of the built-in node only slots can' })),
  );
}
