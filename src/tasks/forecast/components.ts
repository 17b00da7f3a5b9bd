import type { LimitsView, NodeView } from '../../nodes/index.ts';

/**
 * Which nodes have to do with each other: those that share a model, or a limit on a kind or a model, and those that
 * share one with those.
 */
export function createComponents(nodes: readonly NodeView[], limits: LimitsView) {
  const parents = new Map<string, string>();

  function rootOf(key: string): string {
    const parent = parents.get(key) ?? key;
    if (parent === key) return key;
    const root = rootOf(parent);
    parents.set(key, root);
    return root;
  }

  for (const { id, offers } of nodes) {
    for (const { kind, models } of offers) {
      if (limits.kinds?.has(kind)) parents.set(rootOf(`limit of ${kind}`), rootOf(id));
      for (const model of models) {
        parents.set(rootOf(`${kind} ${model}`), rootOf(id));
        if (limits.models?.has(model)) parents.set(rootOf(`limit of ${model}`), rootOf(id));
      }
    }
  }
  return { of: rootOf };
}
