import { getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../../schema/index.ts';

/** A line for each operation, with its name, who asked and how long it took. Variables are never logged. */
export function useOperationLog(): Plugin<Context> {
  return {
    onExecute({ args }) {
      const { log, viewer }: Context = args.contextValue;
      if (!log.isLevelEnabled('debug')) return undefined;
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
      const { log, viewer }: Context = args.contextValue;
      const name = getOperationAST(args.document, args.operationName)?.name?.value ?? null;
      log.debug({ operation: 'subscription', name, userId: viewer?.userId }, 'operation');
    },
  };
}
