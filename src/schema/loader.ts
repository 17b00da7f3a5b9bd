import { createContextCache } from '@pothos/core';
import DataLoader from 'dataloader';
import type { Context, Services } from './context.ts';

/**
 * Loads what many objects of one operation need with one call. Nothing is kept: the deliveries of a
 * subscription share a context, and each must be told what is true by then.
 */
export function createLoader<Value>(
  load: (ids: readonly string[], services: Services) => Promise<ReadonlyMap<string, Value>>,
): (context: Context, id: string) => Promise<Value | null> {
  const loaders = createContextCache(
    ({ services }: Context) =>
      new DataLoader<string, Value | null>(
        async (ids) => {
          const found = await load([...new Set(ids)], services);
          return ids.map((id) => found.get(id) ?? null);
        },
        { cache: false },
      ),
  );
  return (context, id) => loaders(context).load(id);
}
