import { createContextCache } from '@pothos/core';
import DataLoader from 'dataloader';
import type { Context, Services } from './context.ts';

/**
 * Loads what many objects of one operation need with one call. Nothing is kept: the deliveries of a
 * subscription share a context, and each must be told what is true by then.
 */
export function createLoader<Value, Asked = string>(
  load: (asked: readonly Asked[], services: Services) => Promise<ReadonlyMap<string, Value>>,
  idOf: (asked: Asked) => string = String,
): (context: Context, asked: Asked) => Promise<Value | null> {
  const loaders = createContextCache(
    ({ services }: Context) =>
      new DataLoader<Asked, Value | null>(
        async (asked) => {
          const found = await load([...new Set(asked)], services);
          return asked.map((one) => found.get(idOf(one)) ?? null);
        },
        { cache: false },
      ),
  );
  return (context, asked) => loaders(context).load(asked);
}
