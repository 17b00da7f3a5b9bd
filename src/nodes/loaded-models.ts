import { isDeepStrictEqual } from 'node:util';
import type { GpuNode, Transaction } from '../database/index.ts';
import { offersOf } from './models.ts';
import { type NodeView, nowHolding, type OfferView } from './planner/index.ts';

const modelsIn = (offers: readonly OfferView[]): Set<string> =>
  new Set(offers.flatMap(({ models }) => models));

/**
 * Which of the models that a node offers it says that it holds; null where it does not say, or only in names
 * that its offers do not use.
 */
export function knownModels(
  node: Pick<GpuNode, 'offers'>,
  said: readonly string[] | undefined,
): readonly string[] | null {
  if (said === undefined) return null;
  const offered = modelsIn(offersOf(node));
  const known = said.filter((name) => offered.has(name));
  return known.length === 0 && said.length > 0 ? null : known;
}

/**
 * SQL for the names that a node says it holds, as JSON: in the order of `known`, its row's, which is that of use.
 * What somebody else has loaded there is the latest.
 */
export const inOrderOfUse = (said: string, known: string): string => `(
  SELECT coalesce(jsonb_agg(s.name ORDER BY k.at, s.at), '[]')
  FROM jsonb_array_elements_text(${said}) WITH ORDINALITY AS s (name, at)
  LEFT JOIN jsonb_array_elements_text(${known}) WITH ORDINALITY AS k (name, at) USING (name))`;

/** A model that a node is about to run. */
export interface Load {
  readonly nodeId: string;
  readonly model: string;
}

interface Loads {
  /** For each: whether the node has to load the model first. */
  readonly isSwap: readonly boolean[];
  /** What nodes hold then, where that changes. */
  readonly loaded: ReadonlyMap<string, readonly string[]>;
}

/**
 * What nodes hold once they run those models. A node that said how many it holds keeps as many, and drops the
 * least recently used; of one with a single model, which never said anything, nothing need be known.
 */
export function loadsOf(nodes: readonly NodeView[], loads: readonly Load[]): Loads {
  const views = new Map(nodes.map((node) => [node.id, node]));
  const loaded = new Map<string, readonly string[]>();
  const isSwap = loads.map(({ nodeId, model }) => {
    const view = views.get(nodeId);
    const known = view?.loadedModels ?? null;
    if (!view || (known === null && modelsIn(view.offers).size < 2)) return false;
    const now = loaded.get(nodeId) ?? known ?? [];
    if (now.at(-1) !== model) loaded.set(nodeId, nowHolding(now, model, Math.max(1, known?.length ?? 0)));
    // Whoever comes together with the one that loads it waits for it as long.
    return known === null || !known.includes(model);
  });
  for (const [nodeId, models] of loaded) {
    if (isDeepStrictEqual(models, views.get(nodeId)?.loadedModels)) loaded.delete(nodeId);
  }
  return { isSwap, loaded };
}

const WRITE = `
  UPDATE gpu_node n SET loaded_models = l.models, loaded_at = statement_timestamp()
  FROM unnest($1::uuid[], $2::jsonb[]) AS l (id, models) WHERE n.id = l.id`;

/**
 * Notes, in the claim's transaction, which models nodes are about to load, so that the next plan knows.
 * Answers for each whether it is a swap.
 */
export async function noteLoads(
  tx: Pick<Transaction, 'query'>,
  nodes: readonly NodeView[],
  loads: readonly Load[],
): Promise<readonly boolean[]> {
  const { isSwap, loaded } = loadsOf(nodes, loads);
  const ids = [...loaded.keys()].sort();
  if (ids.length > 0) await tx.query(WRITE, [ids, ids.map((id) => JSON.stringify(loaded.get(id)))]);
  return isSwap;
}
