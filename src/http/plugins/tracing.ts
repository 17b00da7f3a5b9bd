import { type ExecutionArgs, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Tracing } from '../../tracing/index.ts';

/** A span for each operation; of a subscription, for its beginning. Neither documents nor variables go into it. */
export function useTracing(tracing: Tracing): Plugin {
  function traced<Result>(work: (args: ExecutionArgs) => Promise<Result> | Result) {
    return (args: ExecutionArgs): Promise<Result> => {
      const operation = getOperationAST(args.document, args.operationName);
      const type = operation?.operation ?? 'query';
      const name = operation?.name?.value;
      const attributes = {
        'graphql.operation.type': type,
        ...(name === undefined ? {} : { 'graphql.operation.name': name }),
      };
      return tracing.span(name === undefined ? type : `${type} ${name}`, { attributes }, async () =>
        work(args),
      );
    };
  }

  return {
    onExecute: ({ executeFn, setExecuteFn }) => setExecuteFn(traced(executeFn)),
    onSubscribe: ({ subscribeFn, setSubscribeFn }) => setSubscribeFn(traced(subscribeFn)),
  };
}
