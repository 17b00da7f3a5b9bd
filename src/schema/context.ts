import type { Accounts, Viewer } from '../accounts/index.ts';
import type { Artifacts } from '../artifacts/index.ts';
import type { Database } from '../database/index.ts';
import type { Feed } from '../events/index.ts';
import type { Generations } from '../generations/index.ts';
import type { Knowledge } from '../knowledge/index.ts';
import type { Nodes } from '../nodes/index.ts';
import type { Schedules } from '../schedules/index.ts';
import type { Tasks } from '../tasks/index.ts';
import type { Webhooks } from '../webhooks/index.ts';

/** What the resolvers call; built once, at the composition root. */
export interface Services {
  readonly database: Database;
  readonly accounts: Accounts;
  readonly artifacts: Artifacts;
  readonly nodes: Nodes;
  readonly knowledge: Knowledge;
  readonly tasks: Tasks;
  readonly schedules: Schedules;
  readonly generations: Generations;
  readonly webhooks: Webhooks;
  readonly feed: Feed;
}

/** What every resolver gets. One per operation; a subscription keeps its own until it ends. */
export interface Context {
  /** Null: anonymous. Read again before each delivery of a subscription. */
  viewer: Viewer | null;
  /** Of a node agent, which has no viewer; null: it is none. */
  readonly nodeTokenId: string | null;
  readonly services: Services;
  /** Of the caller, as far as it is known: what logins are limited by. */
  readonly clientAddress: string;
  /** One of them aborts when nobody waits for an answer any more: the caller is gone, or the server drains. */
  readonly signals: AbortSignal[];
}

/** What a resolver gets that only node agents may call. */
export interface NodeContext extends Context {
  readonly nodeTokenId: string;
}

/** What a resolver behind `withAuth` gets. */
export interface SignedInContext extends Context {
  viewer: Viewer;
}
