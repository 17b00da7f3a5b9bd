import type { Tiers } from '../accounts/index.ts';
import type { Tier } from '../database/index.ts';
import type { Nodes } from '../nodes/index.ts';
import type { QueueRow } from '../queue/index.ts';
import { webhookOfTasks } from '../webhooks/index.ts';
import type { Entry, Keyed } from './admission.ts';
import type { Core } from './core.ts';

/** What an entry takes from the surroundings, looked up once for all that have it in common. */
class Lookups {
  readonly #known = new Map<string, Promise<unknown>>();

  once<Value>(key: string, look: () => Promise<Value>): Promise<Value> {
    const known = (this.#known.get(key) as Promise<Value> | undefined) ?? look();
    this.#known.set(key, known);
    return known;
  }
}

export interface Entrance {
  /** @throws NoSuchModelError */
  enter(keyed: Keyed, tier: Tier, lookups?: Lookups): Promise<Entry>;
  /** Several of one user, in their order. @throws NoSuchModelError for the first of which there is none */
  enterAll(keyed: readonly Keyed[], tier: Tier): Promise<Entry[]>;
}

/** From submissions to what can be written: their queues, by models that there are, and what their tier allows. */
export function createEntrance(
  core: Core,
  { nodes, tiers }: { readonly nodes: Pick<Nodes, 'models'>; readonly tiers: Tiers },
): Entrance {
  const queueOf = async ({ kind, model }: Keyed['submission']): Promise<QueueRow> =>
    core.queue.ensure(kind, await nodes.models.choose(kind, model));

  async function enter({ taskId, submission }: Keyed, tier: Tier, lookups = new Lookups()): Promise<Entry> {
    const { kind, model, userId, webhookUrl: url } = submission;
    const queue = await lookups.once(`${kind} ${model}`, () => queueOf(submission));
    const entry = { taskId, submission, queue, limits: tiers[tier] };
    if (url === undefined) return entry;
    const find = () => webhookOfTasks(core.database, { userId, url });
    return { ...entry, webhookId: await lookups.once(url, find) };
  }

  return {
    enter,
    async enterAll(keyed, tier) {
      const lookups = new Lookups();
      const entries: Entry[] = [];
      for (const one of keyed) entries.push(await enter(one, tier, lookups));
      return entries;
    },
  };
}
