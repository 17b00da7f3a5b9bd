import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Viewer } from '../../accounts/index.ts';
import type { Context } from '../../schema/index.ts';
import type { ViewerWatch } from '../viewer-watch.ts';

export interface SubscriptionLimits {
  /** In this process. */
  readonly total: number;
  readonly perUser: number;
}

const defaultSubscriptionLimits: SubscriptionLimits = { total: 50_000, perUser: 10_000 };

/** How many subscriptions are open, for limits and metrics. */
export class SubscriptionCount {
  total = 0;
  readonly #perUser = new Map<string, number>();

  ofUser(userId: string): number {
    return this.#perUser.get(userId) ?? 0;
  }

  add(userId: string, change: 1 | -1): void {
    this.total += change;
    const count = this.ofUser(userId) + change;
    if (count === 0) this.#perUser.delete(userId);
    else this.#perUser.set(userId, count);
  }
}

function tooMany(limit: number): GraphQLError {
  return new GraphQLError(`too many subscriptions are open; the limit is ${limit.toLocaleString('en')}`, {
    extensions: { code: 'RATE_LIMITED', limit, http: { status: 429 } },
  });
}

export interface SubscriptionsOptions {
  readonly watch: ViewerWatch;
  /** Aborts when the server drains: streams end then, with what it is aborted with. */
  readonly draining: AbortSignal;
  readonly count: SubscriptionCount;
  readonly limits?: SubscriptionLimits | undefined;
}

/** Bounds the number of subscriptions, and ends each when its viewer's credential does, or the server drains. */
export function useSubscriptions(options: SubscriptionsOptions): Plugin<Context> {
  const { watch, count, limits = defaultSubscriptionLimits } = options;

  /** Returns what says that it is over; it may be said again. */
  function begin(context: Context, viewer: Viewer): () => void {
    const over = new AbortController();
    const unwatch = watch.watch(viewer, (reason) => over.abort(reason));
    const end = (): void => {
      for (const signal of context.signals) signal.removeEventListener('abort', end);
      unwatch();
      if (over.signal.aborted) return;
      over.abort('over');
    };
    context.signals.push(over.signal);
    count.add(viewer.userId, 1);
    over.signal.addEventListener('abort', () => count.add(viewer.userId, -1), { once: true });
    // Also where nobody reads what was subscribed to, such as a client that takes no stream.
    for (const signal of context.signals) signal.addEventListener('abort', end, { once: true });
    return end;
  }

  return {
    onSubscribe({ args }) {
      const context: Context = args.contextValue;
      const { viewer } = context;
      // Anonymous callers may subscribe to nothing; the schema says so.
      if (viewer === null) return undefined;
      if (count.total >= limits.total) throw tooMany(limits.total);
      if (count.ofUser(viewer.userId) >= limits.perUser) throw tooMany(limits.perUser);
      const end = begin(context, viewer);
      return {
        onSubscribeResult({ result }) {
          if (!(Symbol.asyncIterator in result)) end();
          return { onEnd: end };
        },
        onSubscribeError: end,
      };
    },
  };
}
