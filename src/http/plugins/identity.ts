import type { Plugin } from 'graphql-yoga';
import type { Accounts } from '../../accounts/index.ts';
import type { ServerContext } from '../server-context.ts';

/** Finds out who asks, before anything of the body is read. A credential that is not good refuses the request. */
export function useIdentity(accounts: Accounts): Plugin<object, ServerContext> {
  return {
    async onRequestParse({ request, serverContext }) {
      serverContext.viewer = await accounts.authenticate(request.headers.get('authorization'));
    },
  };
}
