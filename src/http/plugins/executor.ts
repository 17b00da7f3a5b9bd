import { execute, subscribe } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** GraphQL's own executor: unlike Yoga's it answers the fields in the order in which they were asked for. */
export function useExecutor(): Plugin {
  return {
    onExecute: ({ setExecuteFn }) => setExecuteFn(execute),
    onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(subscribe),
  };
}
