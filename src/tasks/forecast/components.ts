import type { Situation } from './types.ts';

/**
 * Which nodes have to do with each other: those that share a model, or a limit on a kind, a model or a user, and
 * those that share one with those.
 */
export function createComponents({
  nodes,
  busy,
  queues,
  limits,
}: Pick<Situation, 'nodes' | 'busy' | 'queues' | 'limits'>) {
  const parents = new Map<string, string>();

  function rootOf(key: string): string {
    const parent = parents.get(key) ?? key;
    if (parent === key) return key;
    const root = rootOf(parent);
    parents.set(key, root);
    return root;
  }

  function join(one: string, other: string): void {
    parents.set(rootOf(one), rootOf(other));
  }

  for (const { id, offers } of nodes) {
    for (const { kind, models } of offers) {
      if (limits.kinds?.has(kind)) join(`limit of ${kind}`, id);
      for (const model of models) {
        join(`${kind} ${model}`, id);
        if (limits.models?.has(model)) join(`limit of ${model}`, id);
      }
    }
  }
  for (const { nodeId, job } of busy) {
    if (job && limits.users?.has(job.userId)) join(`limit of ${job.userId}`, nodeId);
  }
  for (const { kind, model, heads } of queues) {
    for (const { userId } of heads) {
      if (limits.users?.has(userId)) join(`limit of ${userId}`, `${kind} ${model}`);
    }
  }
  return { of: rootOf };
}
