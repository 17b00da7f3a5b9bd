import { canSee } from '../accounts/index.ts';
import type { Generation, Task } from '../database/index.ts';
import { decodeId, type IdType } from '../ids.ts';
import type { SignedInContext } from './context.ts';

/**
 * What an API id of that type names, where the caller may see it. Null where there is none, or it is another's: nobody
 * is to find out which.
 */
export async function visible<Row extends { readonly userId: string }>(
  [type, globalId]: readonly [IdType, string],
  { viewer }: SignedInContext,
  find: (id: string) => Promise<Row | null | undefined>,
): Promise<Row | null> {
  const id = decodeId(type, globalId);
  const row = id === null ? null : await find(id);
  return row && canSee(viewer, row.userId) ? row : null;
}

/** As {@link visible}. */
export function visibleTask(globalId: string, context: SignedInContext): Promise<Task | null> {
  const { prisma } = context.services.database;
  return visible(['Task', globalId], context, (id) => prisma.task.findUnique({ where: { id } }));
}

/** As {@link visible}. */
export function visibleGeneration(globalId: string, context: SignedInContext): Promise<Generation | null> {
  const { prisma } = context.services.database;
  return visible(['Generation', globalId], context, (id) => prisma.generation.findUnique({ where: { id } }));
}
