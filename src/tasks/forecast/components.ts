import type { NodeView } from '../../nodes/index.ts';

/** Which nodes have to do with each other: those that share a model, and those that share one with those. */
export function createComponents(nodes: readonly NodeView[]) {
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
      for (const model of models) parents.set(rootOf(`${kind} ${model}`), rootOf(id));
    }
  }
  return { of: rootOf };
}
