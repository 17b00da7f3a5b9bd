import { getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../../schema/index.ts';
import type { RequestScopes } from '../request-scope.ts';

/** A line for each operation, with its name, who asked and how long it took. Variables are never logged. */
export function useOperationLog(scopes: RequestScopes): Plugin<Context> {
  const debugLog = () => {
    const scope = scopes.getStore();
    return scope?.isDebugging ? scope.log : undefined;
  };
  return {
    onExecute({ args }) {
      const log = debugLog();
      if (!log) return undefined;
      const { viewer }: Context = args.contextValue;
      const started = performance.now();
      const operation = getOperationAST(args.document, args.operationName);
      return {
        onExecuteDone() {
          const ms = Math.round(performance.now() - started);
          const name = operation?.name?.value ?? null;
          log.debug({ operation: operation?.operation, name, userId: viewer?.userId, ms }, 'operation');
        },
      };
    },
    onSubscribe({ args }) {
      const { viewer }: Context = args.contextValue;
      const name = getOperationAST(args.document, args.operationName)?.name?.value ?? null;
      debugLog()?.debug({ operation: 'subscription', name, userId: viewer?.userId }, 'operation');
    },
  };
}
