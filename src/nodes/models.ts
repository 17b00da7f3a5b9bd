import type { Database, GpuNode } from '../database/index.ts';
import { NoSuchModelError } from '../errors.ts';
import { type KindName, kindOf } from '../kinds/index.ts';
import { nearest } from '../nearest.ts';
import type { Directory } from './directory.ts';
import { LOCAL_NODE_ID } from './local-node.ts';
import { type NodeView, offersModel } from './planner/index.ts';
import { readNodeViews } from './slots.ts';
import type { Offer, OfferedModel } from './types.ts';

/** What the registered nodes offer. */
export interface Models {
  /**
   * The model that a task of that kind asks for; null asks for the kind's default.
   * @throws NoSuchModelError where no registered node offers it, live or not
   */
  choose(kind: KindName, model: string | null): Promise<string>;
  /** Every model that a registered node offers, by kind and then by the age of the node; without the built-in one. */
  list(): Promise<OfferedModel[]>;
}

export interface ModelsOptions {
  readonly database: Database;
  readonly directory: Directory;
  /** For tasks that name no model; else the first offer of the oldest node. */
  readonly defaultModels: Readonly<Partial<Record<KindName, string>>>;
}

const MAX_NEAREST = 5;

/** As stored by the registry, which has validated them. */
export const offersOf = (node: Pick<GpuNode, 'offers'>): readonly Offer[] =>
  node.offers as unknown as Offer[];

function offered(nodes: readonly GpuNode[], kind: KindName): string[] {
  const names = nodes.flatMap(offersOf).flatMap((offer) => (offer.kind === kind ? offer.models : []));
  return [...new Set(names)];
}

export function createModels({ database, directory, defaultModels }: ModelsOptions): Models {
  const defaultOf = (kind: KindName, names: readonly string[]): string | undefined =>
    defaultModels[kind] ?? names[0];

  function pick(nodes: readonly GpuNode[], kind: KindName, model: string | null): string | undefined {
    const names = offered(nodes, kind);
    const wanted = model ?? defaultOf(kind, names);
    return wanted !== undefined && names.includes(wanted) ? wanted : undefined;
  }

  function refuse(nodes: readonly GpuNode[], kind: KindName, model: string | null): NoSuchModelError {
    const names = offered(nodes, kind);
    const { slug } = kindOf(kind);
    if (names.length === 0) return new NoSuchModelError(`no node offers ${slug} yet`, []);
    const wanted = model ?? defaultOf(kind, names) ?? '';
    return new NoSuchModelError(
      `no node offers the model "${wanted}" for ${slug}`,
      nearest(names, wanted, MAX_NEAREST),
    );
  }

  return {
    async choose(kind, model) {
      const chosen = pick(await directory.nodes(), kind, model);
      if (chosen !== undefined) return chosen;
      // Another process may have registered a node a moment ago.
      directory.invalidate();
      const nodes = await directory.nodes();
      const found = pick(nodes, kind, model);
      if (found === undefined) throw refuse(nodes, kind, model);
      return found;
    },
    async list() {
      const [all, views] = await Promise.all([
        directory.nodes(),
        readNodeViews({
          query: async (text, values) => (await database.pool.query(text, [...(values ?? [])])).rows,
        }),
      ]);
      const nodes = all.filter(({ id }) => id !== LOCAL_NODE_ID);
      const kinds = [...new Set(nodes.flatMap(offersOf).map(({ kind }) => kind))].sort();
      return kinds.flatMap((kind) => {
        const names = offered(nodes, kind);
        return names.map((name) => ({
          kind,
          name,
          isDefault: name === defaultOf(kind, names),
          ...countSlots(views, kind, name),
        }));
      });
    },
  };
}

function countSlots(views: readonly NodeView[], kind: KindName, model: string) {
  const able = views.filter((view) => offersModel(view, { kind, model }));
  return {
    slots: able.reduce((sum, view) => sum + view.freeSlots.length + view.busyForSeconds.length, 0),
    freeSlots: able.reduce((sum, view) => sum + view.freeSlots.length, 0),
  };
}
